"""`POST /predict` answers pictures, refuses everything else with a reason, and keeps nothing."""

import asyncio
import base64
import io
import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastapi.openapi.models import OpenAPI
from PIL import Image
from starlette.testclient import TestClient

from birads_zoo.errors import UserError
from birads_zoo.serving.answers.answering import Limits, RequestQueue
from birads_zoo.serving.app import build_endpoint
from birads_zoo.serving.line import Line


def test_a_picture_is_answered(served, mammogram):
    response = served.client.post("/predict", content=mammogram)
    assert response.status_code == 200, response.text
    result = response.json()
    classes = list(served.queue.model.classes)
    assert list(result["probabilities"]) == classes
    assert sum(result["probabilities"].values()) == pytest.approx(1)
    assert (result["calibrated"], result["calibrated_folds"], result["folds"]) == ({}, 0, 2), (
        "no fold has a temperature"
    )
    assert result["predicted"] == max(result["probabilities"], key=result["probabilities"].get)
    assert set(result["conformal_set"]) <= set(classes)
    assert result["predicted"] in result["conformal_set"]
    assert "Research use only" in result["notice"]
    assert result["picture"] is None
    assert result["heat_map"] is None


def test_the_endpoint_agrees_with_the_model(served, mammogram, tmp_path):
    path = tmp_path / "one.jpg"
    path.write_bytes(mammogram)
    (expected,) = served.queue.model.predict(path)
    result = served.client.post("/predict", files={"file": ("one.jpg", mammogram, "image/jpeg")}).json()
    assert result["probabilities"] == pytest.approx(expected.probabilities)
    assert result["calibrated"] == pytest.approx(expected.calibrated)
    assert tuple(result["conformal_set"]) == expected.conformal_set
    assert tuple(result["warnings"]) == expected.warnings
    assert result["similar"] == pytest.approx(expected.similar)


def test_a_dicom_file_is_answered_without_the_patients_name(served, write_dicom, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4096, (128, 96), np.uint16)
    content = write_dicom(tmp_path / "x", pixels, BitsStored=12).read_bytes()
    response = served.client.post("/predict?heat_map=true", files={"file": ("Quux.dcm", content)})
    assert response.status_code == 200, response.text
    result = response.json()
    files = [base64.b64decode(result.pop(key)) for key in ("picture", "heat_map")]
    assert Image.open(io.BytesIO(files[0])).size == (96, 128)
    assert "quux" not in json.dumps(result).lower()
    assert not any(b"Quux" in file for file in files), "the pictures' files must not name the patient either"


def test_the_heat_map_fits_over_the_picture(served, mammogram):
    result = served.client.post("/predict?heat_map=true", content=mammogram).json()
    picture, heat = (Image.open(io.BytesIO(base64.b64decode(result[key]))) for key in ("picture", "heat_map"))
    with Image.open(io.BytesIO(mammogram)) as original:
        assert picture.size == heat.size == original.size
        assert np.abs(np.asarray(picture, float) - np.asarray(original, float)).max() <= 1
    assert heat.mode == "RGBA"


def test_a_picture_unlike_a_mammogram_gives_a_warning(served):
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 256, (700, 400), np.uint8))
    file = io.BytesIO()
    noise.save(file, "PNG")
    assert served.client.post("/predict", content=file.getvalue()).json()["warnings"]


def test_a_file_of_too_many_bytes_is_refused_however_it_is_sent(served, left_in):
    body = bytes(1_100_000)
    for response in (
        served.client.post("/predict", content=body),
        served.client.post("/predict", content=iter([body[:600_000], body[600_000:]])),
        served.client.post("/predict", files={"file": ("x.png", body)}),
    ):
        assert response.status_code == 413, response.text
        assert "larger than 1 megabytes" in response.json()["detail"]
    assert left_in(served.folder) == []


def test_the_limit_itself_is_allowed(served):
    assert served.client.post("/predict", content=bytes(1_000_000)).status_code == 422
    assert served.client.post("/predict", content=bytes(1_000_001)).status_code == 413


def run_in_thread(coroutine):
    with ThreadPoolExecutor(1) as pool:  # the browser tests, if they ran before, keep this thread's loop
        return pool.submit(asyncio.run, asyncio.wait_for(coroutine, 60)).result()


@pytest.fixture
def one_place(opened, local, tmp_path):
    """Send `POST /predict` to a queue with one place: `await one_place(receive)` → its status and text."""
    app = build_endpoint(
        RequestQueue(model=opened, limits=Limits(), folder=tmp_path, line=Line(places=1, waiting=0)), local
    )

    async def post(receive):
        sent = []

        async def send(message):
            sent.append(message)

        headers = [(b"host", b"127.0.0.1")]
        scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": headers}
        await app(scope, receive, send)
        return sent[0]["status"], b"".join(message.get("body", b"") for message in sent).decode()

    return post


def test_requests_beyond_the_queue_are_refused(one_place, mammogram):
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow():
        begun.set()
        await go_on.wait()
        return {"type": "http.request", "body": mammogram}

    async def unread():
        raise AssertionError("the body of a request without a place was read")

    async def requests():
        first = asyncio.create_task(one_place(slow))
        await begun.wait()
        second = await one_place(unread)
        go_on.set()
        return second, await first, await one_place(slow)

    (refused, why), (answered, _), (again, _) = run_in_thread(requests())
    assert refused == 503
    assert "too many pictures are waiting; try again in a moment" in why
    assert (answered, again) == (200, 200)


def test_a_file_that_does_not_arrive_frees_its_place(one_place, mammogram, monkeypatch):
    monkeypatch.setattr("birads_zoo.serving.endpoint._TIMEOUT", 0.05)

    async def never():
        await asyncio.Event().wait()

    async def whole():
        return {"type": "http.request", "body": mammogram}

    async def requests():
        return await one_place(never), await one_place(whole)

    (late, why), (answered, _) = run_in_thread(requests())
    assert late == 408
    assert "the file did not arrive within" in why
    assert answered == 200


def test_the_openapi_description_is_valid(served):
    description = served.client.get("/openapi.json").json()
    OpenAPI.model_validate(description)
    assert list(description["paths"]) == ["/predict"]
    operation = description["paths"]["/predict"]["post"]
    assert {"multipart/form-data", "application/octet-stream"} == set(operation["requestBody"]["content"])
    assert {"200", "400", "413", "422", "503"} <= set(operation["responses"])
    assert set(description["components"]["schemas"]["Answer"]["properties"]) == set(
        served.client.post("/predict", content=png()).json()
    )


def png() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (128, 96), np.uint8)).save(file, "PNG")
    return file.getvalue()


def test_the_docs_need_nothing_from_elsewhere(served):
    page = served.client.get("/docs")
    assert page.status_code == 200
    assert "/predict" in page.text
    assert "Research use only" in page.text
    assert "<script" not in page.text
    assert "http://" not in page.text.replace("http://HOST:PORT", "")
    assert "https://" not in page.text


def test_an_error_while_predicting_is_a_refusal(queue, local, mammogram, monkeypatch, left_in):
    def fail(self, prepared, batch_size=32):
        raise UserError("network 1 returned values that are not finite")

    monkeypatch.setattr(type(queue.model), "predict_prepared", fail)
    with TestClient(build_endpoint(queue, local)) as client:
        response = client.post("/predict", content=mammogram)
    assert response.status_code == 422
    assert response.json() == {"detail": "network 1 returned values that are not finite"}
    assert left_in(queue.folder) == []


def test_an_error_while_explaining_is_a_refusal(queue, local, mammogram, monkeypatch):
    def fail(self, sample, label):
        raise UserError("the heat map is not finite")

    monkeypatch.setattr(type(queue.model), "explain", fail)
    with TestClient(build_endpoint(queue, local)) as client:
        assert client.post("/predict", content=mammogram).status_code == 200
        response = client.post("/predict?heat_map=true", content=mammogram)
    assert response.status_code == 422
    assert response.json() == {"detail": "the heat map is not finite"}
