"""Which digits a run computes in, and fp16 with its scale, which cards without bf16 train in."""

import pytest
import torch
from tiny_images import CPU

from lrbook.errors import RunError
from lrbook.records import Store
from lrbook.vision import devices, experiment, train
from lrbook.vision.config import PatchConfig

SMALL = {"train_size": 64, "test_size": 40, "patch_test_size": 20, "batch": 16}
KEPT_FOR = 3  # steps after which the scale is doubled: within an epoch of four


@pytest.fixture
def scalers(monkeypatch):
    """The scalers that runs make, of a kind whose scale moves from one epoch to the next."""
    made, real = [], torch.amp.GradScaler

    def scaler(device):
        made.append(real(device, init_scale=256.0, growth_interval=KEPT_FOR))
        return made[-1]

    monkeypatch.setattr(torch.amp, "GradScaler", scaler)
    return made


def run(store=None, **settings):
    settings = {"epochs": 3, "drop": 3} | SMALL | settings
    config = PatchConfig.for_profile("smoke", arm="small", seed=0, **settings)
    [record] = experiment.run([config], store, device="cpu", progress=False)
    return record


def test_a_run_in_fp16_is_scaled_and_is_near_one_in_fp32(monkeypatch, scalers):
    plain = run(precision="fp32")
    assert scalers == []
    monkeypatch.setattr(devices, "choose_precision", lambda *_: "fp16")
    half = run()
    assert half.provenance["precision"] == "fp16"
    [scaler] = scalers
    assert scaler.get_scale() == 256.0 * 2 ** (3 * 4 // KEPT_FOR)  # it went through every step
    losses = half.history.train_loss
    assert not losses.equals(plain.history.train_loss)
    assert losses.tolist() == pytest.approx(plain.history.train_loss.tolist(), rel=0.03)


def test_a_run_in_fp16_goes_on_with_the_scale_it_had(tmp_path, monkeypatch, scalers):
    monkeypatch.setattr(devices, "choose_precision", lambda *_: "fp16")
    whole = run()
    real, epochs = train.train_epoch, []

    def second_fails(*args, **options):
        epochs.append(1)
        if len(epochs) == 2:
            raise ValueError("cut off")
        return real(*args, **options)

    with monkeypatch.context() as patched:
        patched.setattr(train, "train_epoch", second_fails)
        with pytest.raises(RunError, match="cut off"):
            run(Store(tmp_path))
    again = run(Store(tmp_path))
    assert again.history.equals(whole.history)
    first, broken, resumed = scalers
    assert broken.get_scale() < resumed.get_scale() == first.get_scale()
    assert resumed._get_growth_tracker() == first._get_growth_tracker()


def test_a_run_that_is_over_is_loaded_where_its_precision_cannot_be_had(tmp_path, monkeypatch):
    store = Store(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(devices, "choose_precision", lambda *_: "fp16")
        made = run(store, precision="fp16")
    assert run(store, precision="fp16") == made


@pytest.mark.parametrize(
    ("can", "precision"),
    [({"avx512_bf16": True}, "bf16"), ({"amx_bf16": True}, "bf16"),
     ({"avx512_bf16": False, "amx_bf16": False}, "fp32"), ({"avx512_vbmi": True}, "fp32")],
)  # fmt: skip
def test_a_cpu_that_computes_bf16_in_either_way_is_used_so(monkeypatch, can, precision):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: can, raising=False)
    assert devices.choose_precision("auto", CPU) == precision


def test_a_card_that_only_imitates_bf16_computes_in_fp16(monkeypatch):
    for imitated, precision in ((True, "fp16"), (False, "bf16")):
        monkeypatch.setattr(
            torch.cuda,
            "is_bf16_supported",
            lambda including_emulation=True, imitated=imitated: including_emulation or not imitated,
        )
        assert devices.choose_precision("auto", torch.device("cuda")) == precision


@pytest.mark.parametrize(
    ("words", "precision"),
    [("flags : avx512f avx512_bf16 sse2", "bf16"), ("flags : amx_bf16", "bf16"),
     ("flags : avx512f avx512_vbmi", "fp32"), (None, "fp32")],
)  # fmt: skip
def test_where_pytorch_does_not_tell_the_system_does(tmp_path, monkeypatch, words, precision):
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)
    monkeypatch.setattr(devices, "CPUINFO", tmp_path / "cpuinfo")
    if words:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\n{words}\n")
    assert devices.choose_precision("auto", CPU) == precision
