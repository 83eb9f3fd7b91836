"""`birads-zoo serve`: its messages before it serves. The server itself is tested in tests/serving."""

import pytest

pytest.importorskip("fastapi", reason="fastapi is not installed (make install)")


def test_without_its_packages_it_says_what_to_install(zoo, monkeypatch, tmp_path):
    from birads_zoo.cli import serve

    monkeypatch.setattr(serve, "find_spec", lambda name: None if name == "uvicorn" else name)
    result = zoo("serve", tmp_path)
    assert result.status == 2
    assert result.err == (
        "birads-zoo: error: `birads-zoo serve` needs the package uvicorn: pip install 'birads-zoo[demo]'\n"
    )


def test_what_is_no_model_is_refused(zoo, monkeypatch, tmp_path):
    monkeypatch.setattr("birads_zoo.cli.serve.find_spec", lambda name: name)
    result = zoo("serve", tmp_path, "--port", 0)
    assert result.status == 2
    assert "is not an exported model" in result.err
