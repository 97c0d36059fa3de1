"""The benchmark on images: the loops are the same network, and rows, memory and parts add up."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from conftest import ROOT


@pytest.fixture
def vision(monkeypatch):
    """The module ``benchmarks/vision.py``."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import torch
    import vision

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield vision
    torch.set_num_threads(threads)
    for name in ("vision", "arms", "authors", "ceilings", "parts", "harness"):
        sys.modules.pop(name, None)


SMALL = {"batch": 4, "widen": 1, "train_size": 80, "test_size": 8, "patch_test_size": 8}


def test_rows_on_images_are_well_formed(vision, monkeypatch):
    import torch

    monkeypatch.setattr(vision, "roof", lambda device, config: 100.0)
    cpu = torch.device("cpu")
    found = vision.rows("laptop", cpu, rounds=1, batches=1, **SMALL)
    found += vision.shares(cpu, **SMALL)
    assert [row.unit for row in found] == ["images/s", "GFLOP/s", "s", "s"]
    assert all(row.ours > 0 and row.peer > 0 for row in found)
    assert "JPEG" not in found[0].name  # no data are needed


def test_roof_counts_operations_over_the_shortest_time(vision, monkeypatch):
    import ceilings
    import torch

    config = vision.PatchConfig.for_profile("laptop", arm="large", seed=0, **SMALL)
    monkeypatch.setattr(ceilings, "_shortest", lambda call, device, rounds: 2.0)
    largest = 2 * 1024**3  # the GEMM; these convolutions are small
    assert vision.roof(torch.device("cpu"), config) == pytest.approx(largest / 2 / 1e9)


def test_what_a_process_of_its_own_dies_of_is_seen(vision, monkeypatch, tmp_path, capfd):
    (tmp_path / "dies.py").write_text("import sys; sys.exit('no memory left')")
    monkeypatch.setattr(vision, "__file__", str(tmp_path / "dies.py"))
    with pytest.raises(subprocess.CalledProcessError):
        vision._peak("laptop", "ours", None, {})
    assert "no memory left" in capfd.readouterr().err


def test_memory_is_that_of_a_process_of_its_own(vision):
    """Wider by far, larger by far: 30 million weights, their gradients and momenta."""
    small = vision._peak("laptop", "ours", None, SMALL)
    large = vision._peak("laptop", "plain", None, SMALL | {"widen": 20})
    assert large > small + 50


def test_memory_on_a_card_has_that_of_replays(vision, monkeypatch):
    """A pool of its own is a graph's: what there is free in it, nothing else may take."""
    import torch

    segments = [
        {"segment_pool_id": pool, "total_size": total * 2**20, "allocated_size": given * 2**20}
        for pool, total, given in [((0, 0), 900, 100), ((0, 1), 500, 20), ((0, 1), 40, 40)]
    ]
    peak = iter([300 * 2**20, 1000 * 2**20])
    monkeypatch.setattr(torch.cuda, "memory_snapshot", lambda: segments)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", lambda: None)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda: next(peak))
    ran = []
    [row] = vision.peak_rows({"ours": ran.append, "theirs": ran.append}, "paper")
    assert ran == [1, 1, 1, 1]
    assert (row.ours, row.peer) == (300 + 480, 1000)


def test_another_network_is_not_timed(vision, monkeypatch):
    import torch

    class Other:
        def __init__(self, *parts):
            pass

        def step(self, images, labels):
            return 3.0

    monkeypatch.setattr(vision.authors, "Loop", Other)
    config = vision.PatchConfig.for_profile("laptop", arm="large", seed=0, **SMALL)
    with pytest.raises(SystemExit, match="not the same network"):
        vision.check(config, torch.device("cpu"), None)


def test_a_folder_that_is_no_checkout_is_refused(vision, tmp_path):
    import torch

    with pytest.raises(SystemExit, match=r"wideresnet.py: give a clone"):
        vision.authors.load(tmp_path, torch.device("cpu"))


@pytest.mark.parametrize(("platform", "unit"), [("linux", 2**10), ("darwin", 2**20)])
def test_memory_is_in_mib_whatever_the_system_counts_in(vision, monkeypatch, platform, unit):
    """Where there is no /proc: KiB, or bytes on macOS."""
    used = SimpleNamespace(ru_maxrss=300 * unit)
    monkeypatch.setattr(vision.Path, "exists", lambda path: False)
    monkeypatch.setattr(vision.resource, "getrusage", lambda who: used)
    monkeypatch.setattr(vision.sys, "platform", platform)
    assert vision.highest() == 300


def test_a_step_is_split_by_what_its_parts_are_called(vision):
    import parts

    times = {
        "convolutions": (
            "aten::mkldnn_convolution",
            "aten::convolution_backward",
            "ConvolutionBackward",
            "sm90_xmma_dgrad_implicit_gemm_bf16bf16_bf16f32_f32_nhwckrsc_nhwc_tilesize256x64x32",
            "void cutlass__5x_cudnn::Kernel<cutlass_tensorop_bf16_s16816dgrad_optimized_bf16>",
            "void cask_plugin__5x_cudnn::xmma__5x_cudnn::init_device_workspace_kernel<>",
        ),
        "batch norm and relu": (
            "aten::native_batch_norm_backward",
            "aten::clamp_min_",
            "aten::threshold_backward",
            "triton_poi_fused__native_batch_norm_legit_functional_convolution_backward_native_3",
        ),
        parts.REST: (
            "aten::copy_",
            "aten::convert_element_type",
            "triton_poi_fused_add_13",
            "void at::native::multi_tensor_apply_kernel<at::native::FusedSgdMathFunctor>",
        ),
    }
    found = parts.split((name, 1.0) for names in times.values() for name in names)
    assert found == {part: len(names) for part, names in times.items()}


@pytest.mark.parametrize("stride", [1, 2])
def test_products_within_a_convolution_are_a_part_of_it(vision, stride):
    import parts
    import torch
    from torch.profiler import ProfilerActivity, profile

    ours = {1: parts.winograd.Convolution, 2: parts.strided.StridedConvolution}[stride]
    size = {1: (1, 2, 4, 4), 2: (128, 128, 8, 8)}[stride]  # the latter has products of its own
    x, weight = torch.ones(size), torch.ones((size[1], size[1], 3, 3), requires_grad=True)
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        ours.apply(x, weight).sum().backward()
        torch.bmm(torch.ones((1, 2, 2)), torch.ones((1, 2, 2)))
    whose = [parts._whose(e) for e in watched.events() if e.name in ("aten::bmm", "aten::baddbmm_")]
    assert list(dict.fromkeys(whose)) == [ours.__name__, f"{ours.__name__}Backward", "aten::bmm"]


def test_norm_noise_and_relu_in_one_are_their_part(vision):
    import parts
    import torch
    from torch.profiler import ProfilerActivity, profile

    norm, x = (
        torch.nn.BatchNorm2d(2),
        torch.ones((1, 2, 4, 4)).to(memory_format=torch.channels_last),
    )
    given = (x, norm.weight, norm.bias, norm, torch.ones((1, 1, 4, 4)))
    with profile(activities=[ProfilerActivity.CPU]) as watched:
        parts.activation.Activation.apply(*given)
        torch.ones(2) + torch.ones(2)
    whose = [parts._whose(e) for e in watched.events() if e.name in ("aten::add_", "aten::add")]
    assert parts.split((name, 1.0) for name in whose) == {
        "convolutions": 0.0,
        "batch norm and relu": 1.0,
        "all the rest": 1.0,
    }


def test_the_plain_loop_convolves_directly(vision):
    import torch

    config = vision.PatchConfig.for_profile("laptop", arm="large", seed=0, **SMALL)
    given = (config, vision.make_images(2 * config.batch), torch.device("cpu"))
    for plain in (False, True):
        model = vision.Ours(*given, plain=plain).model
        assert [block.conv2.direct for block in model.blocks] == [plain] * len(model.blocks)


def test_the_parts_of_a_step_make_up_the_step(vision):
    import parts
    import torch

    few = SMALL | {"batch": 64, "widen": 2}  # so that little of a step lies between operations
    found = parts.rows("laptop", torch.device("cpu"), batches=2, **few)
    assert [row.name.partition(": ")[2] for row in found] == [*parts.PARTS, parts.REST]
    assert all(row.ours > 0 for row in found)
    assert len({row.peer for row in found}) == 1
    assert 0.6 < sum(row.ours for row in found) / found[0].peer < 1.2


def test_what_the_page_says_of_the_rows_of_memory_and_saving():
    """Both sentences are of what was kept before that day: rows measured later are without it."""
    import torch
    from conftest import ROOT

    from lrbook import speed
    from lrbook.vision.config import PatchConfig
    from lrbook.vision.train import make_model

    page = " ".join((ROOT / "book/speed.md").read_text(encoding="utf-8").split())
    kept = [each for each in speed.kept(ROOT / "results") if each.name.startswith("vision-cpu")]
    before = {each.name: each.provenance["date"] < "2026-11-27T12" for each in kept}
    assert before == {
        "vision-cpu": True,
        "vision-cpu-bf16": True,
        "vision-cpu-bf16-memory": False,
        "vision-cpu-bf16-vectors": False,
        "vision-cpu-bf16-vectors-memory": False,
    }
    [old] = [each for each in kept if each.name == "vision-cpu-bf16"]
    assert not any("memory" in row.name for row in old.rows)  # which is measured anew
    hardware = {each.name: each.rows[0].hardware for each in kept}
    assert [name for name, words in hardware.items() if "bf16" not in words] == ["vision-cpu"]
    config = PatchConfig.for_profile("paper", arm="large", seed=0)
    weights = sum(p.numel() for p in make_model(config, torch.device("cpu")).parameters())
    held = weights * 4 * 2 / 2**20  # and as much again for the momentum
    assert f"in the paper's size {held:.0f} MiB of the memory told are ours" in page
    waiting = (
        "(In `vision-cpu` and `vision-cpu-bf16` this is the processor's own time, and leaves out "
    )
    assert f"{waiting}the wait for the disk.)" in page


def test_all_arms_beside_their_own_times(vision, monkeypatch):
    import arms

    seen, run = [], arms.experiment.run

    def kept(*given, **named):
        seen.extend(run(*given, **named))
        return seen

    monkeypatch.setattr(arms.experiment, "run", kept)
    row = arms.row("smoke", "digits", "cpu", epochs=2, drop=2, **SMALL)
    assert [record.config["arm"] for record in seen] == ["large", "small", "noise"]
    assert {record.config["epochs"] for record in seen} == {2}
    assert row.name == "profile smoke, arms large, small, noise: beside their own times added up"
    assert row.peer == pytest.approx(sum(record.wall_s for record in seen))
    assert row.ours > row.peer / 3  # no run is longer than all of them together
