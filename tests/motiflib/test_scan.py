"""Calls along a genome: planted sites are found once, wherever the seams are, by any number of
processes."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pandas as pd
import pytest
import torch
from motifbook.datasets import data_path

from motiflib.files import InputError
from motiflib.genome import scan
from motiflib.genome.fasta import Genome, ResidentGenome
from motiflib.genome.scan import call_genome, unit_calls, units
from motiflib.run.folder import load_run
from motiflib.sequence import reverse_complement

SITE = "TTCAGCACCACGGACAGCGCC"  # REST
PLANTED = {"chrA": [40, 1987, 2950], "chrB": [700, 1209]}  # two lie across edges of bins


RUN = data_path("models", "rest-gm12878")


@pytest.fixture(scope="module")
def run():
    return load_run(RUN)


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    rng, folder, text = random.Random(3), tmp_path_factory.mktemp("genome"), []
    for name, length in (("chrB", 1500), ("chrA", 3000)):
        letters = rng.choices("ACGT", k=length)
        for i, at in enumerate(PLANTED[name]):
            letters[at : at + len(SITE)] = SITE if i % 2 else reverse_complement(SITE)
        text.append(f">{name}\n{''.join(letters)}\n")
    (folder / "g.fa").write_text("".join(text) + ">chrC\nACGTACGTTGCA\n")
    return folder / "g.fa"


@pytest.fixture(scope="module")
def whole(run, fasta, tmp_path_factory):
    out = tmp_path_factory.mktemp("calls") / "calls.bed"
    call_genome(run, fasta, out, progress=False)
    return out.read_bytes()


def fake(rank: int, world: int):
    return lambda **_: SimpleNamespace(
        num_processes=world,
        process_index=rank,
        is_main_process=rank == 0,
        wait_for_everyone=lambda: None,
    )


def table(data: bytes) -> pd.DataFrame:
    return pd.DataFrame([line.split("\t") for line in data.decode().splitlines()[1:]]).astype(
        {1: int, 2: int}
    )


def test_planted_sites_are_called_and_lines_are_sorted(whole):
    calls = table(whole)
    assert whole.startswith(b"#sequence\tstart\tend\tmotif\tscore\tstrand")
    for chrom, places in PLANTED.items():
        for at in places:
            near = calls[(calls[0] == chrom) & (calls[1] < at + len(SITE)) & (calls[2] > at)]
            assert len(near) >= 1, (chrom, at)
            strand = "+" if places.index(at) % 2 else "-"
            assert strand in set(near[5])
    assert calls.sort_values([0, 1, 2], kind="stable").index.tolist() == calls.index.tolist()
    assert not calls.duplicated([0, 1, 3]).any()


@pytest.mark.parametrize("unit", [7, 30, 1000])
def test_seams_do_not_show(run, fasta, whole, tmp_path, monkeypatch, unit):
    monkeypatch.setattr(scan, "UNIT", unit)
    call_genome(run, fasta, tmp_path / "c.bed", progress=False)
    ours, theirs = table((tmp_path / "c.bed").read_bytes()), table(whole)
    assert ours[[0, 1, 2, 3, 5]].equals(
        theirs[[0, 1, 2, 3, 5]]
    )  # sums may differ in the last digit


def test_nothing_is_lost_where_no_filter_fires(run, fasta, monkeypatch):
    with Genome(fasta) as genome:
        resident = ResidentGenome(genome)
    regions = pd.DataFrame({"chrom": ["chrA"], "start": [0], "end": [3000]})
    unit = units(resident, regions)[0]
    quick = unit_calls(run, resident, unit, regions, 0.5, 0.5)
    monkeypatch.setattr(scan, "FIRE", 0.0)
    slow = unit_calls(run, resident, unit, regions, 0.5, 0.5)
    assert len(quick) and slow[["start", "motif"]].equals(quick[["start", "motif"]])


def test_processes_share_the_work(run, fasta, whole, tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "UNIT", 40)
    call_genome(run, fasta, tmp_path / "one.bed", progress=False)
    for rank in (1, 0):
        monkeypatch.setattr(scan, "PartialState", fake(rank, 2))
        call_genome(run, fasta, tmp_path / "two.bed", progress=False)
    assert (tmp_path / "two.bed").read_bytes() == (tmp_path / "one.bed").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.bed", "two.bed"]


def test_two_real_processes_write_the_file_of_one(fasta, whole, tmp_path):
    launch = [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        "2",
    ]  # accelerate's
    verb = ["-m", "motiflib.cli", "call", RUN, "--genome", fasta, "--out", tmp_path / "two.bed"]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
    subprocess.run([*launch, *verb], env=environment, check=True, capture_output=True, timeout=300)
    assert (tmp_path / "two.bed").read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["two.bed"]


def test_killed_in_the_middle(run, fasta, tmp_path, monkeypatch):
    monkeypatch.setattr(scan, "UNIT", 40)
    call_genome(run, fasta, tmp_path / "one.bed", progress=False)
    done, real = [], scan.unit_calls

    def some(*args):
        if len(done) == 3:
            raise KeyboardInterrupt
        done.append(args[2])
        return real(*args)

    monkeypatch.setattr(scan, "unit_calls", some)
    with pytest.raises(KeyboardInterrupt):
        call_genome(run, fasta, tmp_path / "two.bed", progress=False)
    assert not (tmp_path / "two.bed").exists()
    again = []
    monkeypatch.setattr(scan, "unit_calls", lambda *args: again.append(args[2]) or real(*args))
    call_genome(run, fasta, tmp_path / "two.bed", progress=False)
    assert len(done) == 3 and not set(done) & set(again)
    assert (tmp_path / "two.bed").read_bytes() == (tmp_path / "one.bed").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def stopped(monkeypatch, *call, after: int = 0, **settings) -> None:
    """A call that is killed after some parts."""
    done, real = [], scan.unit_calls

    def some(*args):
        if len(done) == after:
            raise KeyboardInterrupt
        done.append(1)
        return real(*args)

    with monkeypatch.context() as patch:
        patch.setattr(scan, "unit_calls", some)
        with pytest.raises(KeyboardInterrupt):
            call_genome(*call, progress=False, **settings)


def test_a_call_leaves_the_parts_of_other_files_alone(run, fasta, tmp_path, monkeypatch):
    """`a` beside `a.bed`, and a name with signs that mean something in a pattern; but old parts of
    its own go."""
    monkeypatch.setattr(scan, "UNIT", 40)
    for name in ("a.bed", "b", "[ab]"):
        stopped(monkeypatch, run, fasta, tmp_path / name, after=2)
    theirs = {
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path.relative_to(tmp_path).parts[0].startswith((".a.bed.", ".b."))
    }
    assert len(theirs) == 8  # two parts, the mark and the lock of each
    call_genome(run, fasta, tmp_path / "a", progress=False)
    call_genome(run, fasta, tmp_path / "[ab]", threshold=0.9, progress=False)
    left = {path for path in tmp_path.rglob("*") if path.is_file() and path.parent != tmp_path}
    assert left == theirs


def test_what_others_keep_stays_and_our_litter_goes(run, fasta, whole, tmp_path, monkeypatch):
    """Also a folder that only looks like parts, and what a call that runs is writing."""
    monkeypatch.setattr(scan, "UNIT", 40)
    stopped(monkeypatch, run, fasta, tmp_path / "c.bed", after=2, threshold=0.9)
    home, ended = tmp_path / ".c.bed.parts", subprocess.Popen(["true"])
    ended.wait()
    theirs = {home / "mine.txt", home / "mine/a.bed", home / ("0" * 16) / "0.bed", home / "x/begun"}
    theirs |= {tmp_path / f".c.bed.{os.getpid()}.0123abcd.tmp", tmp_path / ".c.bed.tmp"}
    theirs |= {tmp_path / f".cxbed.{ended.pid}.0123abcd.tmp", tmp_path / f".c.bed.{ended.pid}.tmp"}
    litter = tmp_path / f".c.bed.{ended.pid}.0123abcd.tmp"
    for path in [*theirs, litter]:
        path.parent.mkdir(exist_ok=True)
        path.write_text("x")
    call_genome(run, fasta, tmp_path / "c.bed", progress=False)
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == theirs | {tmp_path / "c.bed"}
    ours, expected = table((tmp_path / "c.bed").read_bytes()), table(whole)
    assert ours[[0, 1, 2, 3, 5]].equals(expected[[0, 1, 2, 3, 5]])


def test_a_genome_replaced_at_equal_size_and_time_gets_no_old_parts(run, fasta, tmp_path):
    """The sites of chrA and chrB change places with the names."""
    path, real = tmp_path / "g.fa", scan._join
    path.write_bytes(fasta.read_bytes())
    stat = path.stat()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scan, "_join", lambda *args: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            call_genome(run, path, tmp_path / "c.bed", progress=False)
    assert scan._join is real
    text = fasta.read_bytes().replace(b">chrA", b">chrQ")
    path.write_bytes(text)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    call_genome(run, path, tmp_path / "c.bed", progress=False)
    assert set(table((tmp_path / "c.bed").read_bytes())[0]) == {"chrB", "chrQ"}
    path.write_bytes(text.replace(b"A", b"T"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    call_genome(run, path, tmp_path / "d.bed", progress=False)
    call_genome(run, path, tmp_path / "c.bed", progress=False)
    assert (tmp_path / "c.bed").read_bytes() == (tmp_path / "d.bed").read_bytes()


def test_names_with_quotes_modes_and_the_time_left(run, fasta, tmp_path, capsys):
    name = "chr\"A'"
    (tmp_path / "g.fa").write_text(fasta.read_text().replace(">chrA", f">{name}"))
    call_genome(run, tmp_path / "g.fa", tmp_path / "c.bed")
    lines = (tmp_path / "c.bed").read_text().splitlines()
    assert {line.split("\t")[0] for line in lines[1:]} == {name, "chrB"}
    assert (tmp_path / "c.bed").stat().st_mode & 0o777 == 0o666 & ~umask()
    assert re.search(r"calling: 100%.*3/3 \[.*<00:00", capsys.readouterr().err)


def umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


@pytest.mark.parametrize("settings", [{}, {"threshold": 0.9}])
def test_another_call_into_the_same_file_takes_nothing(
    run, fasta, whole, tmp_path, monkeypatch, settings
):
    real, out = scan.unit_calls, tmp_path / "c.bed"

    def meanwhile(*args):
        monkeypatch.setattr(scan, "unit_calls", real)
        with pytest.raises(
            InputError, match="c.bed: another call is writing this file; wait for it"
        ):
            call_genome(run, fasta, out, progress=False, **settings)
        return real(*args)

    monkeypatch.setattr(scan, "unit_calls", meanwhile)
    call_genome(run, fasta, out, progress=False)
    assert out.read_bytes() == whole and [path.name for path in tmp_path.iterdir()] == ["c.bed"]


@pytest.mark.parametrize("gone", ["folder", "part"])
def test_parts_that_vanish_end_the_call(run, fasta, tmp_path, monkeypatch, gone):
    real, seen = scan.unit_calls, []

    def remove(*args):
        folder = next(tmp_path.glob(".c.bed.parts/*/begun")).parent
        if seen:
            shutil.rmtree(folder) if gone == "folder" else (folder / "0.bed").unlink()
        seen.append(1)
        return real(*args)

    monkeypatch.setattr(scan, "unit_calls", remove)
    monkeypatch.setattr(scan, "units", lambda *args: units(*args)[:2])
    with pytest.raises(InputError, match="finished parts were removed in the middle"):
        call_genome(run, fasta, tmp_path / "c.bed", progress=False)
    assert not list(tmp_path.iterdir())


def test_other_regions_from_a_pipe_are_another_call(run, fasta, tmp_path, monkeypatch):
    """A pipe can be read once; parts of other regions must not be taken for those of these."""

    def regions(text: str) -> str:
        read, write = os.pipe()
        os.write(write, text.encode())
        os.close(write)
        return f"/dev/fd/{read}"

    near, far = "chrA\t0\t100\n", "chrA\t2900\t3000\n"
    real = scan._join
    monkeypatch.setattr(scan, "_join", lambda *args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        call_genome(run, fasta, tmp_path / "c.bed", regions=regions(near), progress=False)
    monkeypatch.setattr(scan, "_join", real)
    call_genome(run, fasta, tmp_path / "c.bed", regions=regions(far), progress=False)
    assert table((tmp_path / "c.bed").read_bytes())[1].min() > 2800


def test_regions(run, fasta, whole, tmp_path):
    (tmp_path / "r.bed").write_text("B\t600\t900\nA\t2900\t3000\nA\t0\t5\n")
    with pytest.raises(InputError, match="B = chrB"):
        call_genome(run, fasta, tmp_path / "c.bed", regions=tmp_path / "r.bed", progress=False)
    call_genome(
        run, fasta, tmp_path / "c.bed", regions=tmp_path / "r.bed", rename=True, progress=False
    )
    calls = table(whole)
    middle = (calls[1] + calls[2]) // 2
    inside = (calls[0] == "chrB") & middle.between(600, 899) | (
        calls[0] == "chrA"
    ) & middle.between(2900, 2999)
    assert table((tmp_path / "c.bed").read_bytes())[[0, 1, 2, 3, 5]].equals(
        calls[inside][[0, 1, 2, 3, 5]].reset_index(drop=True)
    )


def test_a_device_that_is_not_there(run, fasta, tmp_path):
    with pytest.raises(InputError, match="device 'abacus' is not available here"):
        call_genome(run, fasta, tmp_path / "c.bed", device="abacus", progress=False)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_calls_on_a_gpu_are_those_of_the_cpu(run, fasta, whole, tmp_path):
    call_genome(run, fasta, tmp_path / "c.bed", device="cuda", progress=False)
    ours, theirs = table((tmp_path / "c.bed").read_bytes()), table(whole)
    assert ours[[0, 1, 2, 3, 5]].equals(theirs[[0, 1, 2, 3, 5]])
    assert next(run.model.parameters()).device.type == "cpu"


def test_a_setting_out_of_range(run, fasta, tmp_path):
    with pytest.raises(InputError, match="threshold 2: expected a number from 0 to 1"):
        call_genome(run, fasta, tmp_path / "c.bed", threshold=2, progress=False)
    assert not list(tmp_path.iterdir())
