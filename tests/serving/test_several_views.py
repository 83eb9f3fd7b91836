"""A model of several views over HTTP: which pictures it takes, which may be missing, and what is refused."""

import base64
import io
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from starlette.testclient import TestClient

from birads_zoo.serving.app import build_endpoint

SIZES = {"L_CC": (96, 64), "L_MLO": (128, 80), "R_CC": (96, 64), "R_MLO": (96, 72)}


@pytest.fixture(scope="module")
def views(queue_of_views, local):
    """Servers of a model of several views: `views(views, level)`."""

    def serve(views, level):
        queue = queue_of_views(views, level)
        client = stack.enter_context(TestClient(build_endpoint(queue, local)))
        return SimpleNamespace(
            queue=queue, model=queue.model, post=lambda files, query="": client.post("/predict" + query, files=files)
        )

    with ExitStack() as stack:
        yield serve


@pytest.fixture(scope="module")
def breast(views):
    return views("breast", "breast")


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Files of four different pictures, by side and view, and tables of them: `pictures.table("L_CC", "L_MLO")`."""
    folder, random = tmp_path_factory.mktemp("pictures"), np.random.default_rng(0)
    for name, (height, width) in SIZES.items():
        Image.fromarray(random.integers(0, 256, (height, width), np.uint8)).save(folder / f"{name}.png")

    def table(*names):
        keys = ("patient_id", "laterality", "view")
        return pd.DataFrame(
            [
                {"image_path": str(folder / f"{name}.png"), **dict(zip(keys, ("p", *name.split("_")), strict=True))}
                for name in names
            ]
        )

    def form(*names):
        return [(name, ("x.png", (folder / f"{name}.png").read_bytes())) for name in names]

    return SimpleNamespace(table=table, form=form)


def image_of(result, key):
    return Image.open(io.BytesIO(base64.b64decode(result[key])))


@pytest.mark.parametrize("names", [("L_CC", "L_MLO"), ("L_MLO", "L_CC")])
def test_two_views_of_a_breast_are_one_sample(breast, pictures, left_in, names):
    (expected,) = breast.model.predict(pictures.table(*names))
    response = breast.post(pictures.form(*names), "?heat_map=true")
    assert response.status_code == 200, response.text
    result = response.json()
    assert result["probabilities"] == pytest.approx(expected.probabilities)
    assert result["views"] == ["CC", "MLO"]
    assert tuple(result["warnings"]) == expected.warnings
    assert image_of(result, "picture").size == (64 + 60, 96), "as high as the lower one, 128×80 becoming 96×60"
    assert image_of(result, "heat_map").size == (124, 96)
    assert left_in(breast.queue.folder) == []


@pytest.mark.parametrize(("name", "view"), [("L_CC", "CC"), ("R_MLO", "MLO")])
def test_a_view_may_be_missing(breast, pictures, name, view):
    (expected,) = breast.model.predict(pictures.table(name))
    result = breast.post(pictures.form(name), "?heat_map=true").json()
    assert result["probabilities"] == pytest.approx(expected.probabilities)
    assert result["views"] == [view]
    assert image_of(result, "picture").size == image_of(result, "heat_map").size == SIZES[name][::-1]


def test_an_exam_may_be_incomplete(views, pictures):
    exam = views("exam", "patient")
    (expected,) = exam.model.predict(pictures.table("L_CC", "R_MLO"))
    result = exam.post(pictures.form("R_MLO", "L_CC")).json()
    assert result["views"] == ["L_CC", "R_MLO"]
    assert result["probabilities"] == pytest.approx(expected.probabilities)


def test_a_model_of_single_pictures_predicts_the_first(views, pictures):
    partnered = views("breast", "image")
    first, second = partnered.model.predict(pictures.table("R_MLO", "R_CC"))
    result = partnered.post(pictures.form("R_MLO", "R_CC"), "?heat_map=true").json()
    assert result["views"] == ["own", "other_view"]
    assert result["probabilities"] == pytest.approx(first.probabilities)
    assert tuple(result["warnings"]) == first.warnings != second.warnings
    assert image_of(result, "picture").size == (72, 96), "the other one is only an additional view"


def test_a_dicom_header_gives_side_and_view(breast, write_dicom, tmp_path):
    random = np.random.default_rng(1)
    files = [
        ("file", write_dicom(tmp_path / view, random.integers(0, 4096, (96, 64), np.uint16), **header).read_bytes())
        for view, header in (
            (view, {"BitsStored": 12, "ImageLaterality": "R", "ViewPosition": view}) for view in ("MLO", "CC")
        )
    ]
    assert breast.post(files).json()["views"] == ["CC", "MLO"]
    (_, mlo), _ = files
    refused = breast.post([("L_MLO", mlo)])
    assert refused.status_code == 422
    assert refused.json()["detail"] == (
        "the field L_MLO has a picture whose DICOM header says R MLO; use the field of that name"
    )


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        (
            [("file", "L_CC")],
            422,
            "the side and view of picture 1 are unknown; send it as the form's field L_CC, L_MLO, R_CC or "
            "R_MLO, or as a DICOM file whose header gives them",
        ),
        ([("L_CC", "L_CC"), ("L_CC", "L_MLO")], 422, "two pictures are of L CC; send only one of them"),
        (
            [("L_CC", "L_CC"), ("R_MLO", "R_MLO")],
            422,
            "this model does not look at R MLO here: it takes CC, MLO of one breast",
        ),
        ([("L_CC", "L_CC"), ("L_MLO", None)], 422, "L MLO: does not decode"),
        ([(name, name) for name in ("L_CC", "L_MLO", "R_CC")], 400, "Too many files"),
    ],
    ids=["no side", "twice", "two breasts", "unreadable", "too many"],
)
def test_pictures_that_do_not_belong_together_are_refused(breast, pictures, left_in, fields, status, reason):
    broken = ("x.png", b"\x89PNG\r\n\x1a\n" + bytes(99))
    files = [(field, broken if name is None else pictures.form(name)[0][1]) for field, name in fields]
    response = breast.post(files)
    assert response.status_code == status
    assert reason in response.json()["detail"]
    assert "/" not in response.json()["detail"]
    assert left_in(breast.queue.folder) == []


def test_each_file_may_be_as_large_as_the_limit(breast):
    large = bytes(900_000)
    assert breast.post([("L_CC", large), ("L_MLO", large)]).status_code == 422, "no pictures, but not too large"
    assert breast.post([("L_CC", bytes(1_100_000))]).status_code == 413


def test_the_description_names_the_fields(breast, local):
    body = build_endpoint(breast.queue, local).openapi()["paths"]["/predict"]["post"]["requestBody"]
    assert set(body["content"]["multipart/form-data"]["schema"]["properties"]) == {"file", *SIZES}
    assert "CC, MLO of one breast" in body["description"]
