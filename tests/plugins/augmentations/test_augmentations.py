import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode

from birads_zoo.interfaces import AugmentationContext
from birads_zoo_plugins.augmentations import _mammo, _paper, birads_zoo_augmentations
from birads_zoo_plugins.augmentations._draws import mirror, uniform, warp

SPECS = {spec.name: spec for spec in birads_zoo_augmentations()}
RANDOM = ["paper", "mammo"]
G = 0.2877  # ln 4/3


def build(name, height=48, width=40, chest_left=True):
    spec = SPECS[name]
    context = AugmentationContext(height=height, width=width, chest_left=chest_left, options=spec.options())
    return spec.build(context).train()


def phantom(count, height=48, width=40):
    """A breast-like bright half disc on black, with texture."""
    generator = torch.Generator().manual_seed(1)
    y, x = torch.meshgrid(torch.linspace(-1, 1, height), torch.linspace(0, 1, width), indexing="ij")
    breast = ((y**2 + x**2) < 0.5).float()
    return breast * (0.3 + 0.4 * torch.rand(count, 1, height, width, generator=generator))


@pytest.mark.parametrize("name", SPECS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_shape_type_and_range_are_kept(name, dtype):
    torch.manual_seed(0)
    augmented = build(name)(torch.rand(16, 1, 48, 40).to(dtype))
    assert augmented.shape == (16, 1, 48, 40)
    assert augmented.dtype == dtype
    assert augmented.min() >= 0
    assert augmented.max() <= 1


@pytest.mark.parametrize("name", SPECS)
def test_a_single_image_is_a_batch_too_and_the_input_is_not_changed(name):
    images = phantom(1)
    before = images.clone()
    assert build(name)(images).shape == images.shape
    assert torch.equal(images, before)


def test_none_changes_nothing():
    images = phantom(3)
    assert torch.equal(build("none")(images), images)


@pytest.mark.parametrize("name", RANDOM)
def test_the_parameters_follow_the_global_seed(name):
    images, module = phantom(4), build(name)
    draws = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        draws.append(module(images))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])


@pytest.mark.parametrize("name", RANDOM)
def test_every_image_gets_its_own_parameters(name):
    torch.manual_seed(0)
    augmented = build(name)(phantom(1).expand(6, -1, -1, -1))
    assert len({tuple(image.flatten().tolist()) for image in augmented}) == 6


@pytest.mark.parametrize("name", RANDOM)
def test_autocast_does_not_coarsen_the_geometry(name):
    images, module = phantom(4), build(name)
    torch.manual_seed(0)
    plain = module(images)
    torch.manual_seed(0)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert torch.equal(module(images), plain)


@pytest.mark.parametrize(
    ("strength", "ranges"),
    [
        (1.0, [(0.85, 1.15), (0.975, 1.025), (-20, 20), (-0.06, 0.06), (-5, 5), (-0.06, 0.06), (-G, G), (0.8, 1)]),
        (
            0.5,
            [
                *[(0.925, 1.075), (0.9875, 1.0125), (-10, 10), (-0.03, 0.03)],
                *[(-2.5, 2.5), (-0.03, 0.03), (-G / 2, G / 2), (0.9, 1)],
            ],
        ),
        (0.0, [(1, 1), (1, 1), (0, 0), (0, 0), (0, 0), (0, 0), (0, 0), (1, 1)]),
    ],
)
def test_mammo_draws_from_ranges_that_shrink_with_its_strength(monkeypatch, strength, ranges):
    drawn, warped = [], []
    monkeypatch.setattr(_mammo, "uniform", lambda _, low, high: drawn.append((low, high)) or torch.tensor([high]))
    monkeypatch.setattr(_mammo, "mirror", lambda _: torch.tensor([-1.0]))
    monkeypatch.setattr(_mammo, "warp", lambda images, **kwargs: warped.append(kwargs) or images)
    monkeypatch.setattr(_mammo, "anchored_warp", lambda images, **kwargs: warped.append(kwargs) or images)
    _mammo.Mammo(strength, anchored=False)(phantom(1))
    assert drawn == [pytest.approx(limits, abs=1e-3) for limits in ranges]
    (size, ratio, degrees, y, shear, x) = (high for _, high in ranges[:6])
    expected = {"degrees": degrees, "shear_degrees": shear, "shift_x": x, "shift_y": y}
    expected |= {"scale_x": -size * ratio, "scale_y": -size / ratio}
    assert {name: value.item() for name, value in warped[0].items()} == pytest.approx(expected, rel=1e-6)
    drawn.clear()
    _mammo.Mammo(strength, anchored=True)(phantom(1))
    assert drawn == [pytest.approx(limits, abs=1e-3) for limits in (*ranges[:4], *ranges[6:])]
    expected = {"tilt_degrees": degrees, "shift_y": y, "scale_x": size * ratio, "scale_y": -size / ratio}
    assert {name: value.item() for name, value in warped[1].items()} == pytest.approx(expected, rel=1e-6)


def test_the_papers_ranges_follow_keras_examples(monkeypatch):
    drawn = []
    monkeypatch.setattr(_paper, "uniform", lambda images, *ends: drawn.append(ends) or torch.ones(len(images)))
    build("paper")(phantom(2))
    assert drawn == [(-36, 36), (-0.1, 0.1), (0.9, 1.1)]


def test_draws_fill_their_range_and_the_given_share_is_mirrored():
    torch.manual_seed(0)
    images = torch.empty(4000, 1, 1, 1)
    drawn = uniform(images, -1.0, 3.0)
    assert drawn.shape == (4000,)
    assert (float(drawn.min()), float(drawn.max())) == pytest.approx((-1, 3), abs=0.02)
    assert float(drawn.mean()) == pytest.approx(1, abs=0.1)
    for share in (0.5, 0.1):
        assert float((mirror(images, share) == -1).float().mean()) == pytest.approx(share, abs=0.03)
    assert set(mirror(images).tolist()) == {-1.0, 1.0}


def test_mammo_leaves_black_black():
    torch.manual_seed(0)
    assert not build("mammo")(torch.zeros(32, 1, 48, 40)).any()


def test_without_a_known_side_mammo_keeps_most_of_the_breast_and_clips_nothing():
    torch.manual_seed(0)
    images = phantom(64, 96, 80)
    augmented = build("mammo", chest_left=False)(images)
    shares = (augmented > 0.05).float().mean((1, 2, 3)) / (images > 0.05).float().mean((1, 2, 3))
    assert shares.min() > 0.55
    assert augmented.max() < 1
    left, right = augmented[..., :40].mean((1, 2, 3)), augmented[..., 40:].mean((1, 2, 3))
    assert 0.3 < (left < right).float().mean() < 0.7, "either side"


def test_mammo_does_not_destroy_microcalcifications():
    """The mean contrast of a cluster of 2-pixel calcifications stays above a bit more than half of its first value."""
    torch.manual_seed(0)
    images = torch.full((256, 1, 96, 96), 0.4)
    for row, column in ((44, 44), (44, 52), (50, 47), (53, 54)):
        images[..., row : row + 2, column : column + 2] = 0.9
    centre = build("mammo", 96, 96)(images)[..., 24:72, 24:72].flatten(1)
    contrast = centre.max(1).values - centre.median(1).values
    assert contrast.min() > 0.15
    assert contrast.mean() > 0.25 * 1.2


def test_an_identity_warp_changes_nothing_and_a_negative_scale_mirrors():
    images = phantom(2)
    unit, zero = torch.ones(2), torch.zeros(2)
    torch.testing.assert_close(warp(images, degrees=zero, scale_x=unit, scale_y=unit), images, atol=1e-4, rtol=0)
    mirrored = warp(images, degrees=zero, scale_x=-unit, scale_y=unit)
    torch.testing.assert_close(mirrored, images.flip(-1), atol=1e-4, rtol=0)
    upside_down = warp(images, degrees=zero, scale_x=unit, scale_y=-unit)
    torch.testing.assert_close(upside_down, images.flip(-2), atol=1e-4, rtol=0)


def test_a_warp_turns_about_the_centre_and_shifts_by_fractions():
    image = torch.zeros(1, 1, 9, 9)
    image[..., 4, 4] = image[..., 4, 7] = 1
    unit, zero = torch.ones(1), torch.zeros(1)
    turned = warp(image, degrees=torch.tensor([180.0]), scale_x=unit, scale_y=unit)
    torch.testing.assert_close(turned, image.flip(-1), atol=1e-4, rtol=0)
    shifted = warp(image, degrees=zero, scale_x=unit, scale_y=unit, shift_x=torch.tensor([-2 / 9]), shift_y=zero)
    torch.testing.assert_close(shifted, image.roll(-2, -1), atol=1e-4, rtol=0)


class Watch(TorchDispatchMode):
    """Records on which devices random numbers are drawn, and every copy between devices."""

    def __init__(self):
        super().__init__()
        self.drawn_on, self.copies = set(), set()

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if torch.Tag.nondeterministic_seeded in function.tags:
            self.drawn_on.add(result.device.type)
        if function in (torch.ops.aten._to_copy.default, torch.ops.aten.copy_.default):
            source = args[-1] if function is torch.ops.aten.copy_.default else args[0]
            if isinstance(source, torch.Tensor) and source.device != result.device:
                self.copies.add((source.device.type, result.device.type))
        return result


@pytest.mark.skipif(torch.__version__ < "2.7", reason="PyTorch 2.6 asks for a real driver even for fake tensors")
@pytest.mark.parametrize("name", RANDOM)
def test_parameters_are_drawn_on_the_images_device_without_copies_to_the_host(name):
    """On fake GPU tensors: drawing elsewhere, mixing devices or reading a value back would be recorded."""
    module = build(name)
    with FakeTensorMode(), Watch() as watch:
        images = torch.empty(4, 1, 48, 40, device="cuda")
        assert module(images).device.type == "cuda"
    assert watch.drawn_on == {"cuda"}
    assert not watch.copies, "something crossed between host and device"


@pytest.mark.gpu
@pytest.mark.parametrize("name", RANDOM)
def test_on_a_gpu_the_host_does_not_wait(name):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    module, images = build(name).to("cuda"), phantom(32).to("cuda")
    module(images)  # kernels and constants are made at the first call
    cpu_state = torch.get_rng_state()
    torch.cuda.set_sync_debug_mode("error")
    try:
        augmented = module(images)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert augmented.device.type == "cuda"
    assert torch.equal(torch.get_rng_state(), cpu_state), "parameters were drawn on the CPU"
