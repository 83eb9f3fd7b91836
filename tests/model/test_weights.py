import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from birads_zoo.errors import UserError
from birads_zoo.model.weights import load_weights


def network(width=4):
    return nn.Sequential(nn.Conv2d(3, width, 3), nn.BatchNorm2d(width))


def write(state, path):
    if path.suffix == ".safetensors":
        save_file(state, path)
    else:
        torch.save(state, path)
    return path


def refused(module, path):
    before = {name: tensor.clone() for name, tensor in module.state_dict().items()}
    with pytest.raises(UserError) as error:
        load_weights(module, path)
    assert all(torch.equal(before[name], tensor) for name, tensor in module.state_dict().items()), "half loaded"
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_both_formats_load_and_a_head_in_the_file_is_ignored(tmp_path, name):
    source, target = network(), network()
    path = write({**source.state_dict(), "fc.weight": torch.ones(2)}, tmp_path / name)
    load_weights(target, path)
    assert all(torch.equal(source.state_dict()[key], value) for key, value in target.state_dict().items())


def test_an_old_file_without_step_counters_loads(tmp_path):
    source, target = network(), network()
    state = {key: value for key, value in source.state_dict().items() if "num_batches" not in key}
    load_weights(target, write(state, tmp_path / "old.pth"))
    assert all(torch.equal(target.state_dict()[key], value) for key, value in state.items())


def test_half_precision_weights_load_into_full(tmp_path):
    source, target = network(), network()
    load_weights(target, write(source.half().state_dict(), tmp_path / "half.safetensors"))
    assert target[0].weight.dtype == torch.float32
    torch.testing.assert_close(target[0].weight, source[0].weight.float())


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
def test_values_that_are_no_numbers_are_named_before_anything_is_trained(tmp_path, name):
    state = network().state_dict()
    state["0.weight"][1, 2, 0] = float("nan")
    state["1.running_var"][3] = float("-inf")
    path = write({**state, "fc.weight": torch.full((2,), torch.nan)}, tmp_path / name)
    assert refused(network(), path) == (
        f"the weights file {path} holds infinite or NaN values, 3 of 108 in '0.weight' (and 1 in other tensors); give "
        "another copy of it, or other weights"
    )


@pytest.mark.parametrize(
    ("entry", "change", "sentence"),
    [
        ("0.weight", Tensor.to_sparse, "a sparse tensor, '0.weight'; save it as a dense one of floating-point numbers"),
        (
            "0.weight",
            lambda tensor: torch.quantize_per_tensor(tensor, 0.1, 0, torch.qint8),
            "a quantised tensor, '0.weight'; save it as a dense one of floating-point numbers",
        ),
        ("0.bias", Tensor.cfloat, "complex numbers in '0.bias'; give weights of real numbers"),
        (
            "1.running_var",
            torch.neg,
            "negative variances, 4 of 4 values in '1.running_var'; give another copy of it, or other weights",
        ),
    ],
    ids=["sparse", "quantised", "complex", "variance"],
)
@pytest.mark.filterwarnings("ignore:torch.quantize_per_tensor")
def test_tensors_that_no_network_computes_with_are_named(tmp_path, recwarn, entry, change, sentence):
    state = network().state_dict()
    path = write({**state, entry: change(state[entry])}, tmp_path / "net.pth")
    recwarn.clear()
    assert refused(network(), path) == f"the weights file {path} has {sentence}"
    assert not recwarn.list


def test_weights_of_8_bits_load(tmp_path):
    source, target = network(), network()
    state = {**source.state_dict(), "0.weight": source[0].weight.detach().to(torch.float8_e4m3fn)}
    load_weights(target, write(state, tmp_path / "net.safetensors"))
    torch.testing.assert_close(target[0].weight, source[0].weight, atol=0.1, rtol=0.1)


def test_values_that_are_no_numbers_in_entries_that_are_not_loaded_do_not_matter(tmp_path):
    source, target = network(), network()
    load_weights(target, write({**source.state_dict(), "fc.weight": torch.full((2,), torch.nan)}, tmp_path / "net.pth"))
    torch.testing.assert_close(target[0].weight, source[0].weight)


def test_a_missing_entry_is_named(tmp_path):
    state = network().state_dict()
    del state["1.bias"]
    path = write(state, tmp_path / "net.pth")
    assert f"the weights in {path} do not fit: 1 of 7 entries are missing, the first of them '1.bias'" in refused(
        network(), path
    )


def test_a_misshapen_entry_is_named_with_both_shapes(tmp_path):
    path = write(network(width=5).state_dict(), tmp_path / "net.safetensors")
    text = refused(network(), path)
    assert "'0.weight' has shape 5×3×3×3 there and 4×3×3×3 in the backbone" in text
    assert str(path) in text


@pytest.mark.parametrize("name", ["absent.pth", "absent.safetensors"])
def test_a_missing_file_is_reported(tmp_path, name):
    text = refused(network(), tmp_path / name)
    assert text == f"there is no weights file {tmp_path / name}; check the path given as --weights"


def test_a_folder_is_not_a_weights_file(tmp_path):
    assert "there is no weights file" in refused(network(), tmp_path)


@pytest.mark.parametrize("name", ["net.pth", "net.safetensors"])
@pytest.mark.parametrize("damage", ["empty", "truncated", "text"])
def test_a_damaged_file_is_reported(tmp_path, name, damage):
    path = write(network().state_dict(), tmp_path / name)
    content = path.read_bytes()
    path.write_bytes({"empty": b"", "truncated": content[: len(content) // 2], "text": b"<html>404</html>"}[damage])
    text = refused(network(), path)
    assert text.startswith(f"cannot read the weights file {path}: it ")
    assert "give a .safetensors file, or a .pth that holds only tensors" in text


@pytest.mark.parametrize("protocol", [2, 4])  # PyTorch warns about the latter
def test_pickled_code_is_not_run_and_nothing_advises_to_run_it(tmp_path, recwarn, protocol):
    path = tmp_path / "module.pth"
    torch.save(network(), path, pickle_protocol=protocol)
    assert refused(network(), path) == (
        f"cannot read the weights file {path}: it holds something other than tensors, which is not loaded because it "
        "could run code; give a .safetensors file, or a .pth that holds only tensors (a state dict)"
    )
    assert not recwarn.list


@pytest.mark.parametrize("content", [{"state_dict": {"0.weight": torch.ones(1)}, "epoch": 3}, [torch.ones(1)]])
def test_a_file_that_is_not_a_plain_state_dict_is_refused(tmp_path, content):
    path = tmp_path / "checkpoint.pth"
    torch.save(content, path)
    text = refused(network(), path)
    assert "holds something other than a state dict (names and their tensors)" in text


class Doubled(nn.Conv2d):
    """A convolution that can read files with other names and half of its weights."""

    def adapt_weights(self, state):
        return {name.removeprefix("old."): torch.cat([value, value]) for name, value in state.items()}


def test_weights_that_do_not_fit_are_adapted_by_a_module_that_can(tmp_path):
    source, target = nn.Conv2d(3, 2, 3), Doubled(3, 4, 3)
    load_weights(
        target, write({f"old.{name}": value for name, value in source.state_dict().items()}, tmp_path / "a.pth")
    )
    assert torch.equal(target.weight, torch.cat([source.weight, source.weight]))


def test_weights_that_fit_are_not_adapted(tmp_path):
    source, target = Doubled(3, 4, 3), Doubled(3, 4, 3)
    load_weights(target, write({**source.state_dict(), "fc.weight": torch.ones(2)}, tmp_path / "a.pth"))
    assert torch.equal(target.weight, source.weight)


def test_weights_that_do_not_fit_after_adapting_are_refused(tmp_path):
    path = write(nn.Conv2d(3, 5, 3).state_dict(), tmp_path / "a.pth")
    assert "'weight' has shape 10×3×3×3 there and 4×3×3×3 in the backbone" in refused(Doubled(3, 4, 3), path)


def test_weights_that_cannot_be_adapted_are_refused(tmp_path):
    path = write({"weight": torch.ones(()), "bias": torch.ones(())}, tmp_path / "a.pth")
    assert refused(Doubled(3, 4, 3), path).startswith(
        f"the weights in {path} do not fit, and cannot be adapted (RuntimeError: zero-dimensional tensor"
    )
