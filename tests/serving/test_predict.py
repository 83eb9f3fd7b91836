"""`POST /predict` answers pictures, refuses everything else with a reason, and keeps nothing."""

import base64
import io
import threading

import numpy as np
import pytest
from fastapi.openapi.models import OpenAPI
from PIL import Image

from birads_zoo.serving.answering import Desk, Limits, RefusedError, answer


def test_a_picture_is_answered(served, mammogram):
    response = served.client.post("/predict", content=mammogram)
    assert response.status_code == 200, response.text
    told = response.json()
    classes = list(served.desk.model.classes)
    assert list(told["probabilities"]) == classes
    assert sum(told["probabilities"].values()) == pytest.approx(1)
    assert (told["calibrated"], told["calibrated_folds"], told["folds"]) == ({}, 0, 2), "no fold has a temperature"
    assert told["predicted"] == max(told["probabilities"], key=told["probabilities"].get)
    assert set(told["conformal_set"]) <= set(classes)
    assert told["predicted"] in told["conformal_set"]
    assert "Research use only" in told["notice"]
    assert told["picture"] is None
    assert told["heat_map"] is None


def test_the_endpoint_says_what_the_model_says(served, mammogram, tmp_path):
    path = tmp_path / "one.jpg"
    path.write_bytes(mammogram)
    (wanted,) = served.desk.model.predict(path)
    told = served.client.post("/predict", files={"file": ("one.jpg", mammogram, "image/jpeg")}).json()
    assert told["probabilities"] == pytest.approx(wanted.probabilities)
    assert told["calibrated"] == pytest.approx(wanted.calibrated)
    assert tuple(told["conformal_set"]) == wanted.conformal_set
    assert tuple(told["warnings"]) == wanted.warnings
    assert told["similar"] == pytest.approx(wanted.similar)


def test_a_dicom_file_is_answered_and_names_nobody(served, write_dicom, tmp_path):
    pixels = np.random.default_rng(0).integers(0, 4096, (128, 96), np.uint16)
    content = write_dicom(tmp_path / "x", pixels, BitsStored=12).read_bytes()
    response = served.client.post("/predict?heat_map=true", files={"file": ("Quux.dcm", content)})
    assert response.status_code == 200, response.text
    assert Image.open(io.BytesIO(base64.b64decode(response.json()["picture"]))).size == (96, 128)
    assert "quux" not in response.text.lower()


def test_the_heat_map_fits_over_the_picture(served, mammogram):
    told = served.client.post("/predict?heat_map=true", content=mammogram).json()
    picture, heat = (Image.open(io.BytesIO(base64.b64decode(told[key]))) for key in ("picture", "heat_map"))
    with Image.open(io.BytesIO(mammogram)) as given:
        assert picture.size == heat.size == given.size
        assert np.abs(np.asarray(picture, float) - np.asarray(given, float)).max() <= 1
    assert heat.mode == "RGBA"


def test_a_picture_unlike_a_mammogram_is_warned_of(served):
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


def test_more_than_can_wait_are_sent_away(opened, tmp_path, mammogram):
    desk = Desk(model=opened, limits=Limits(), folder=tmp_path, seats=threading.BoundedSemaphore(1))
    with desk.turn:
        waiting = threading.Thread(target=answer, args=(desk, mammogram), kwargs={"drawn": False})
        waiting.start()
        while desk.seats._value:
            pass
        with pytest.raises(RefusedError, match="too many pictures are waiting") as refusal:
            answer(desk, mammogram, drawn=False)
    waiting.join()
    assert refusal.value.status == 503
    assert answer(desk, mammogram, drawn=False).predicted


def test_the_openapi_description_is_one(served):
    told = served.client.get("/openapi.json").json()
    OpenAPI.model_validate(told)
    assert list(told["paths"]) == ["/predict"]
    operation = told["paths"]["/predict"]["post"]
    assert {"multipart/form-data", "application/octet-stream"} == set(operation["requestBody"]["content"])
    assert {"200", "400", "413", "422", "503"} <= set(operation["responses"])
    assert set(told["components"]["schemas"]["Answer"]["properties"]) == set(
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
