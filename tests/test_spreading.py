"""How the tests are spread over processes; a run that is spread wrongly is slow, or red by what two workers share."""

from itertools import islice
from pathlib import Path

from tests.servers import PORTS_OF_A_WORKER, WORKERS, ports_of
from tests.spreading import LONGEST, ROOT, SLOW, SLOW_FILES, group_of


def test_tests_that_share_a_costly_fixture_stay_together_and_others_do_not() -> None:
    assert group_of("tests/test_readme.py::test_a[x]") == "tests/test_readme.py"
    assert group_of("tests/store/test_store.py::test_a[x]") == "tests/store/test_store.py::test_a[x]"


def test_every_name_is_that_of_a_test() -> None:
    """A test that was renamed would silently begin last, or make the quick run slow."""
    texts = {path.relative_to(ROOT).as_posix(): path.read_text() for path in (ROOT / "tests").rglob("test_*.py")}

    def is_known(part: str) -> bool:
        file, _, test = part.rpartition("::") if "::" in part else (part, "", "") if ".py" in part else ("", "", part)
        return any(name.endswith(file or ".py") and f"def {test}" in text for name, text in texts.items())

    assert [part for part in (*SLOW, *LONGEST) if not is_known(part)] == []
    assert [file for file in SLOW_FILES if not (ROOT / file).exists()] == []


def test_no_two_workers_get_the_same_port_nor_one_the_system_gives_to_others() -> None:
    ports = [set(islice(ports_of(f"gw{worker}", 7 * worker), PORTS_OF_A_WORKER)) for worker in range(WORKERS)]
    assert sum(map(len, ports)) == len(set.union(*ports)) == WORKERS * PORTS_OF_A_WORKER
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert max(set.union(*ports)) < min(ephemeral, 32768)
