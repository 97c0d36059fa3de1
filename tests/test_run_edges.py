"""Runs on images at their edges: what is blamed, what is met early, what is said, what is kept."""

import io

import pytest
import torch
from PIL import Image

from lrbook import record_run, recordings
from lrbook.cli import main
from lrbook.errors import DataError, RecordError, RunError
from lrbook.records import Store
from lrbook.vision import checkpoint, devices, experiment, sources, train
from lrbook.vision.cifar import CifarConfig
from lrbook.vision.config import PatchConfig
from lrbook.vision.settings import said_of_drops

SIZES = {"train_size": 96, "test_size": 20, "patch_test_size": 20}


def config(arm="large", seed=0, **settings):
    return PatchConfig.for_profile("smoke", arm=arm, seed=seed, **SIZES, **settings)


def test_a_divergence_is_told_with_the_epoch_in_which_it_came(tmp_path):
    broken = config(epochs=6, drop=3, eta1=1e4, precision="fp32")
    [run] = experiment.run([broken], Store(tmp_path), device="cpu", progress=False)
    assert run.status == "diverged"
    assert "in epoch 2 at rate 10000.0" in run.message
    assert run.history.epoch.tolist() == [1]


def test_before_the_first_drop_is_before_the_earliest():
    sizes = {"train_size": 64, "test_size": 40, "epochs": 4}
    drops = {"drop": 4, "drop2": 3, "drop3": 2}
    plain = CifarConfig.for_profile("smoke", arm="large", seed=0, **sizes, **drops)
    [run] = experiment.run([plain], device="cpu", progress=False)
    first = run.history.iloc[0]
    assert run.result["clean_before_drop"] == pytest.approx(first.clean, abs=1e-3)
    assert run.result["train_accuracy_before_drop"] == pytest.approx(first.train_accuracy, abs=1e-3)


def test_noise_that_never_drops_is_said_beside_a_cosine_too():
    late = {"drop": 99, "schedule": "cosine"}
    assert said_of_drops(config("noise", **late)) != []
    assert said_of_drops(config("large", **late)) == []


def test_a_cpu_without_memory_is_told_what_helps(tmp_path):
    with pytest.raises(RunError, match="out of memory with batch = 32, widen = 100000; give a"):
        experiment.run([config(widen=100_000)], Store(tmp_path), device="cpu", progress=False)


@pytest.mark.parametrize("widen", [1, 3])  # side by side, and one after the other
def test_a_damaged_checkpoint_is_met_before_anything_is_changed(tmp_path, widen):
    runs = [config(seed=seed, epochs=3, drop=2, widen=widen) for seed in (0, 1, 2)]
    store = Store(tmp_path)
    store.save_checkpoint(runs[2], b"x")
    store.checkpoint_path(runs[2]).write_bytes(b"garbage" * 30)
    with pytest.raises(RecordError, match="is damaged"):
        experiment.run(runs, store, device="cpu", progress=False)
    assert [store.load(run) for run in runs] == [None] * 3


def test_a_picture_of_many_million_pixels_is_no_image_here(tmp_path):
    file = io.BytesIO()
    Image.new("L", (20_000, 20_000)).save(file, "PNG")
    with pytest.raises(DataError, match="row 3: not an image"):
        sources._decode(file.getvalue(), tmp_path, 3)


def test_a_picture_of_another_size_is_not_unpacked(tmp_path, monkeypatch):
    file = io.BytesIO()
    Image.new("RGB", (5000, 300)).save(file, "PNG")
    monkeypatch.setattr(Image.Image, "load", lambda _: pytest.fail("unpacked"))
    with pytest.raises(DataError, match="row 3: the image is 300x5000x3; allowed is 32x32x3"):
        sources._decode(file.getvalue(), tmp_path, 3)


def test_who_failed_to_go_on_has_no_part_in_the_run(tmp_path, monkeypatch):
    store, run = Store(tmp_path), config(epochs=3, drop=2)
    epochs, make_task = train.train_epoch, train.make_task

    def broken_off(task, model, optimizer, epoch, *rest):
        if epoch == 3:
            raise KeyboardInterrupt
        return epochs(task, model, optimizer, epoch, *rest)

    def full(*_):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(train, "train_epoch", broken_off)
    with pytest.raises(KeyboardInterrupt):
        experiment.run([run], store, device="cpu", progress=False)
    monkeypatch.setattr(train, "train_epoch", epochs)
    monkeypatch.setattr(train, "make_task", full)
    for _ in range(2):
        with pytest.raises(RunError):
            experiment.run([run], store, device="cpu", progress=False)
    monkeypatch.setattr(train, "make_task", make_task)
    [done] = experiment.run([run], store, device="cpu", progress=False)
    assert len(done.provenance["earlier"]) == 1


def test_a_folder_that_may_not_be_looked_into_is_told_in_a_sentence(monkeypatch, capsys):
    def barred(self, *_, **__):
        raise PermissionError(13, "Permission denied", str(self))

    assert main(["run", "patch", "--profile", "smoke", "--data", "x" * 5000]) == 2
    assert "cannot be read (File name too long); allowed are" in capsys.readouterr().err
    monkeypatch.setattr("pathlib.Path.is_dir", barred)
    assert main(["records", "verify", "--results", "theirs"]) == 2
    assert capsys.readouterr().err == "lrbook: theirs cannot be read (Permission denied).\n"


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("records verify patch-1", "records verify takes no run; records show RUN does."),
        ("records list patch-1", "records list takes no run; records show RUN does."),
        ("record --data there", "--data is for --run, which makes what is missing; add --run."),
        ("record --jobs 2", "--jobs is for --run, which makes what is missing; add --run."),
    ],
)
def test_an_argument_that_would_be_ignored_is_refused(command, said, capsys):
    assert main(command.split()) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(("arms", "told"), [("large", True), ("small,noise", False)])
def test_noise_for_arms_without_noise_is_said(tmp_path, capsys, arms, told):
    sizes = [f"--{name.replace('_', '-')}={size}" for name, size in SIZES.items()]
    fast = ["--epochs=1", "--results", str(tmp_path), "--quiet"]
    assert (
        main(["run", "patch", "--profile=smoke", "--noise=1", "--arms", arms, *sizes, *fast]) == 0
    )
    assert ("noise changes nothing in these arms" in capsys.readouterr().err) == told


def test_a_damaged_record_hides_no_other(tmp_path, capsys):
    store = Store(tmp_path)
    sound, broken = config(seed=0), config(seed=1)
    for run in (sound, broken):
        store.start(run, {})
    (tmp_path / broken.run_id / "record.json").write_text("{")
    assert main(["records", "show", sound.run_id, "--results", str(tmp_path)]) == 0
    assert sound.run_id in capsys.readouterr().out
    assert main(["records", "list", "--results", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert f"{sound.run_id}  interrupted" in captured.out  # for no process has it
    assert f"{broken.run_id}  damaged" in captured.out
    assert str(tmp_path / broken.run_id) in captured.err


def test_runs_in_other_digits_than_those_beside_them_are_barred(monkeypatch):
    """The rows with another drop have only the arm large; its partner is in another recording."""
    [row] = recordings.read(only="what-if-laptop-drop")
    assert row.beside == "patch-laptop"
    monkeypatch.setattr(recordings, "missing", lambda *_: [config()])
    monkeypatch.setattr("lrbook.vision.devices.choose_precision", lambda *_: "fp32")
    real = recordings.stored
    monkeypatch.setattr(recordings, "stored", lambda r, folder: {} if r is row else real(r, folder))
    said = record_run._would_mix(row, recordings.recordings_dir())
    assert "those of patch-laptop beside them, are in bf16" in said


@pytest.mark.parametrize("widen", [1, 3])  # side by side, and one after the other
@pytest.mark.parametrize("other", ["data_fingerprint", "precision", "device_kind"])
def test_a_checkpoint_that_cannot_go_on_here_is_met_before_anything_is_changed(
    tmp_path, widen, other
):
    first, second = (config(seed=seed, epochs=3, drop=2, widen=widen) for seed in (0, 1))
    images = sources.load(first.data, first.train_size, first.test_size)
    cpu = torch.device("cpu")
    here = {
        "data_fingerprint": images.fingerprint,
        "precision": devices.choose_precision(second.precision, cpu),
        "device_kind": "cpu",
    }
    model = train.make_model(second, cpu)
    begun = (model, train.make_optimizer(model, second), None, [{"epoch": 1}], 1.0)
    store = Store(tmp_path)
    origin = {**here, "date": "2026-01-01", other: "another"}
    store.save_checkpoint(second, checkpoint.pack(*begun, origin))
    with pytest.raises(RecordError, match=f"was begun with {other} another and cannot go on"):
        experiment.run([first, second], store, device="cpu", progress=False)
    assert [store.load(run) for run in (first, second)] == [None] * 2


def test_noise_of_plain_images_that_is_never_removed_is_said():
    late = {"epochs": 4, "drop": 2, "drop2": 3, "drop3": 4, "noise_drop": 50}
    sizes = {"train_size": 64, "test_size": 20}
    noisy, small = (
        CifarConfig.for_profile("smoke", arm=arm, seed=0, **sizes, **late)
        for arm in ("noise", "small")
    )
    assert said_of_drops(noisy) == [
        "noise_drop = 50 is after the last of epochs = 4, so nothing drops there."
    ]
    assert said_of_drops(small) == []
