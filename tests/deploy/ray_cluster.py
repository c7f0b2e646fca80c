"""A Ray cluster on this machine for test_ray.py: runs the application until its standard input ends.

usage: ray_cluster.py HTTP_PORT [name=value ...]
"""

import sys

import ray
from ray import serve

from glados_bots.inference.ray_app import application

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, _temp_dir=None)
serve.start(http_options={"host": "127.0.0.1", "port": int(sys.argv[1])})
serve.run(application(dict(option.split("=") for option in sys.argv[2:])), name="glados", route_prefix="/")
sys.stdout.write("running\n")
sys.stdout.flush()
sys.stdin.read()
serve.shutdown()
ray.shutdown()
