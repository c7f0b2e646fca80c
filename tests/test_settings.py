"""Settings: read from everywhere they may stand, refused with one line, documented, and never shown when secret."""

import re
from pathlib import Path

import pytest

from glados_bots import env_file
from glados_bots.cli.app import app
from glados_bots.errors import ConfigError
from glados_bots.inference.settings import ServeSettings
from glados_bots.platforms import installed
from glados_bots.settings import Settings, load, settings_classes, unknown_variables, variable_of

DOCS = Path(__file__).parents[1] / "docs" / "settings.md"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_every_setting_is_documented_with_its_default_and_its_meaning() -> None:
    found = re.findall(r"^\| `(GLADOS_\w+)` \| (.*?) \| (.+) \|$", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    rows = {variable: (default.strip("`"), meaning) for variable, default, meaning in found}
    assert installed()  # it imports the adapters, and their settings with them
    assert app  # the same of the rooms
    fields = {variable_of(one, name): field for one in settings_classes() for name, field in one.model_fields.items()}
    for variable, field in fields.items():
        assert variable in rows, f"{variable} is missing in docs/settings.md"
        default = "" if field.default is None else str(field.default)
        assert rows[variable] == (default[:60], field.description), variable
    assert rows.keys() == fields.keys()


@pytest.mark.parametrize(
    ("variable", "value", "allowed"),
    [
        ("GLADOS_WEB_PORT", "99999", "less than or equal to 65535"),
        ("GLADOS_WEB_PORT", "five", "valid integer"),
        ("GLADOS_LOG_LEVEL", "loud", "'debug', 'info', 'warning' or 'error'"),
        ("GLADOS_INFERENCE_URL", "ftp://x", "'http' or 'https'"),
        ("GLADOS_CONVERSATION_TTL", "1", "greater than or equal to 60"),
    ],
)
def test_a_bad_value_is_one_line_with_variable_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, variable: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigError) as caught:
        load(Settings)
    text = str(caught.value)
    assert f"{variable}={value}" in text
    assert allowed in text
    assert "\n" not in text


def test_secrets_are_never_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLADOS_API_KEY", "canary-1")
    monkeypatch.setenv("GLADOS_REDIS_URL", "redis://user:canary-2@host/0")
    assert "canary" not in repr(load(Settings))
    monkeypatch.setenv("GLADOS_REDIS_URL", "http://user:canary-2@host/0")
    with pytest.raises(ConfigError) as caught:
        load(Settings)
    assert "canary" not in str(caught.value)
    assert "GLADOS_REDIS_URL" in str(caught.value)
    monkeypatch.delenv("GLADOS_REDIS_URL")
    monkeypatch.setenv("GLADOS_INFERENCE_URL", "ftp://user:canary-3@host/v1")
    with pytest.raises(ConfigError, match=r"GLADOS_INFERENCE_URL=ftp://host/v1") as caught:
        load(Settings)
    assert "canary" not in str(caught.value)


def test_values_come_from_the_command_line_then_the_environment_then_secret_files_then_env_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".env").write_text("GLADOS_MODEL=from-env-file\nGLADOS_API_KEY=from-env-file\n")
    (tmp_path / "key").write_text("from-secret-file\n")
    assert load(ServeSettings).model == "from-env-file"
    monkeypatch.setenv("GLADOS_API_KEY_FILE", str(tmp_path / "key"))
    key = load(Settings).api_key
    assert key is not None
    assert key.get_secret_value() == "from-secret-file"
    monkeypatch.setenv("GLADOS_MODEL", "from-environment")
    assert load(ServeSettings).model == "from-environment"
    assert load(ServeSettings, model="from-command-line", multi_gpu=None).model == "from-command-line"


def test_a_secret_file_that_cannot_be_read_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLADOS_API_KEY_FILE", "/nowhere/key")
    with pytest.raises(ConfigError, match="GLADOS_API_KEY_FILE=/nowhere/key"):
        load(Settings)


def test_misspelled_variables_are_found(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GLADOS_WEBPORT=1\n")
    monkeypatch.setenv("GLADOS_HF_TOKEN_FILE", "x")
    monkeypatch.setenv("GLADOS_MODELL", "x")
    assert unknown_variables() == ["GLADOS_MODELL", "GLADOS_WEBPORT"]


def test_urls_in_use() -> None:
    settings = load(Settings, host="::", serve_port=7000)
    assert settings.resolved_inference_url == "http://127.0.0.1:7000/v1"
    assert settings.resolved_redis_url.startswith("unix://")
    assert load(Settings, inference_url="https://gpu.example/v1/").resolved_inference_url == "https://gpu.example/v1"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('GLADOS_API_KEY="abc\nGLADOS_GRACE=1\n', 1),
        ("GLADOS_GRACE=1\n\nGLADOS_API_KEY='abc\n", 3),
        ("GLADOS_GRACE=1\nGLADOS_MODEL smollm2_135m\n", 2),
        ("# mine\nGLADOS_MODEL\n", 2),
        ("=1\n", 1),
    ],
)
def test_a_line_of_the_env_file_that_is_no_setting_is_named(text: str, line: int) -> None:
    Path(".env").write_text(text)
    with pytest.raises(ConfigError, match=rf"/\.env, line {line}: this is not NAME=VALUE"):
        load(Settings)


def test_an_env_file_that_cannot_be_read_is_named() -> None:
    Path(".env").write_bytes(b"GLADOS_API_KEY=caf\xe9\n")
    with pytest.raises(ConfigError, match=r"/\.env: cannot read this file \(.*; make it readable, as UTF-8"):
        load(Settings)


def test_comments_quotes_and_exports_of_an_env_file_are_taken() -> None:
    Path(".env").write_text(
        "# mine\n\nexport GLADOS_GRACE=3 # short\nGLADOS_SYSTEM_PROMPT='two\nlines'\nGLADOS_OWNER=\n"
    )
    found = load(Settings)
    assert (found.grace, found.system_prompt, found.owner) == (3, "two\nlines", "")


def test_which_env_file_counts_is_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    env_file.tell(["auto"])
    assert not caplog.text
    Path(".env").write_text("GLADOS_GRACE=1\n")
    env_file.tell(["auto", "", "somewhere"])
    assert f"reading settings from {Path('.env').resolve()}" in caplog.text


@pytest.mark.parametrize("weights", [".", "../{name}", "{folder}"])
def test_an_env_file_in_a_folder_of_weights_is_refused(weights: str) -> None:
    Path(".env").write_text("GLADOS_VLLM_COMMAND=./anything\n")
    here = Path.cwd()
    with pytest.raises(ConfigError, match="is in a folder of weights"):
        env_file.tell(["auto", weights.format(name=here.name, folder=here)])
