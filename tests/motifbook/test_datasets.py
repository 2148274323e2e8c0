"""Names lead to verified files: from the folder, the cache or a (local) server, and never to a
wrong one."""

from __future__ import annotations

import functools
import hashlib
import http.server
import os
import threading
import time

import pytest
from motifbook import datasets
from motifbook.datasets import DataMissing, available, fetch, load, registry

from motiflib.files import InputError
from motiflib.sequence import shuffle

FASTA = b">a\nACGTAC\n>b\nggnta\n"
TABLE = b"".join(b"ACGT%s\t%d\n" % (b"ACGT"[i % 4 :], i % 2) for i in range(10))


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A registry of two data sets served by a local server; MOTIFLIB_DATA unset, the cache
    empty."""
    server_root, cache = tmp_path / "server", tmp_path / "cache"
    server_root.mkdir()
    handler = functools.partial(QuietHandler, directory=str(server_root))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    lines = [
        "file dataset split label bytes sha256 records url licence citation description".replace(
            " ", "\t"
        )
    ]
    for file, split, label, data in (
        ("s/pos.fa", "train", "1", FASTA),
        ("s/test.fa", "test", "0", FASTA),
    ):
        (server_root / file.replace("/", "_")).write_bytes(data)
        sha = hashlib.sha256(data).hexdigest()
        lines.append(
            f"{file}\tsmall\t{split}\t{label}\t1\t{sha}\t2\t{url}/{file.replace('/', '_')}\tL\tC\tD"
        )
    sha = hashlib.sha256(TABLE).hexdigest()
    (server_root / "t.seq").write_bytes(TABLE)
    lines.append(f"t/t.seq\ttable\tfifth\tcolumn\t1\t{sha}\t10\t{url}/t.seq\tL\tC\tD")
    (tmp_path / "registry.tsv").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(datasets, "data_path", lambda *parts: tmp_path.joinpath(*parts))
    monkeypatch.setattr(datasets, "cache_folder", lambda: cache)
    monkeypatch.setattr(datasets, "_failed", {})
    monkeypatch.delenv("MOTIFLIB_DATA", raising=False)
    yield tmp_path
    server.shutdown()
    server.server_close()


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_download_then_cache(small):
    data = load("small")
    assert data.train.to_dict("list") == {
        "name": ["a", "b"],
        "sequence": ["ACGTAC", "GGNTA"],
        "label": [1, 1],
    }
    assert list(data.test.label) == [0, 0]
    assert (data.name, data.description, data.citation, data.licence) == ("small", "D", "C", "L")
    for file in (small / "server").iterdir():
        file.unlink()
    assert fetch("s/pos.fa") == small / "cache" / "s" / "pos.fa" and available("small")


def test_motiflib_data_comes_first(small, monkeypatch):
    (small / "mine" / "s").mkdir(parents=True)
    (small / "mine" / "s" / "pos.fa").write_bytes(FASTA)
    monkeypatch.setenv("MOTIFLIB_DATA", str(small / "mine"))
    assert fetch("s/pos.fa") == small / "mine" / "s" / "pos.fa"
    assert fetch("s/test.fa") == small / "cache" / "s" / "test.fa"


def test_every_fifth_record_is_test(small):
    data = load("table")
    assert list(data.test.name) == ["t_0005", "t_0010"] and len(data.train) == 8
    assert list(data.train.columns) == list(data.test.columns) == ["name", "sequence", "label"]


def test_wrong_hash_in_the_folder_is_refused_and_named(small, monkeypatch):
    (small / "mine" / "s").mkdir(parents=True)
    (small / "mine" / "s" / "pos.fa").write_bytes(b">a\nACGT\n")
    monkeypatch.setenv("MOTIFLIB_DATA", str(small / "mine"))
    with pytest.raises(InputError, match=r"mine/s/pos\.fa: refused.*sha256") as caught:
        load("small")
    assert not isinstance(caught.value, DataMissing) and not available("small")


def test_wrong_hash_from_the_server_is_refused_and_not_kept(small):
    (small / "server" / "s_pos.fa").write_bytes(b"<html>log in</html>")
    with pytest.raises(InputError, match=r"s_pos\.fa: refused, its sha256"):
        fetch("s/pos.fa")
    assert not [path for path in (small / "cache").rglob("*") if path.is_file()]


def test_a_damaged_cache_is_replaced(small):
    fetch("s/pos.fa").write_bytes(b"damaged")
    assert fetch("s/pos.fa").read_bytes() == FASTA


def test_missing_on_the_server(small):
    (small / "server" / "s_pos.fa").unlink()
    with pytest.raises(DataMissing, match=r"HTTP 404"):
        fetch("s/pos.fa")
    assert fetch("s/test.fa").is_file()  # the server is there, so other files are still tried


def test_no_network_is_one_clear_line_and_quick(small, monkeypatch):
    text = (small / "registry.tsv").read_text()
    (small / "registry.tsv").write_text(text.replace("http://127.0.0.1", "http://nowhere.invalid"))
    monkeypatch.setenv("MOTIFLIB_DATA", str(small / "empty"))
    start = time.perf_counter()
    for _ in range(3):
        with pytest.raises(
            DataMissing, match=r"pos\.fa: not at nowhere.invalid.*, not in MOTIFLIB_DATA \("
        ) as caught:
            load("small")
        assert "\n" not in str(caught.value) and "nowhere.invalid" in str(caught.value)
        assert not available("small")
    assert time.perf_counter() - start < 30


def test_a_silent_server_is_given_up(small, monkeypatch):
    """A network that swallows packets: the timeout is what ends the wait, once."""
    import requests

    calls = []

    def swallow(*args, timeout=None, **kwargs):
        calls.append(timeout)
        raise requests.exceptions.ConnectTimeout("timed out")

    monkeypatch.setattr(requests, "get", swallow)
    for _ in range(3):
        with pytest.raises(DataMissing, match="ConnectTimeout"):
            load("small")
    assert calls == [(datasets.CONNECT_S, datasets.READ_S)]


def test_unknown_names_list_the_known():
    with pytest.raises(
        InputError, match="unknown data set 'rest'; choose one of rest-gm12878, usf1-hepg2"
    ):
        load("rest")
    with pytest.raises(InputError, match="did you mean encode101/REST_B.seq.gz"):
        fetch("encode101/REST_B.seq")
    assert available("rest") is False


def test_the_registry_is_well_formed():
    table = registry()
    assert table.file.is_unique and table.url.is_unique
    assert table.sha256.str.fullmatch("[0-9a-f]{64}").all()
    assert table.url.str.fullmatch(
        r"https://raw\.githubusercontent\.com/[^/]+/[^/]+/[0-9a-f]{40}/.+"
    ).all()
    assert (table[["bytes", "records"]] > 0).all().all()
    kinds = {"train", "test", "fifth", "genome", "sizes", "blacklist", "peaks", "variants"}
    assert set(table.split) <= kinds and set(table.label) <= {"0", "1", "column", "-"}
    assert not table.isna().any().any()
    assert {
        "rest-gm12878",
        "usf1-hepg2",
        "foxa1-hepg2",
        "ctcfl-k562",
        "elk1-gm12878",
        "nfe2-gm12878",
        "dream5-tf25-dinuc",
    } <= set(table.dataset)


def test_a_callers_registry_is_its_own():
    registry().drop(registry().index, inplace=True)
    table = registry()
    table["file"] = ""
    assert len(registry()) > 40 and registry().file[0]


@pytest.mark.skipif(
    not os.environ.get("MOTIFLIB_DATA"), reason="needs the real files; set MOTIFLIB_DATA"
)
def test_real_files_are_what_the_registry_says():
    table = registry().set_index("file")
    for file, row in table.iterrows():
        assert fetch(file).stat().st_size == row.bytes
    for name in set(table.dataset) - {"yeast-rossi2021", "satmut-kircher2019"}:
        data, rows = load(name), table[table.dataset == name]
        assert len(data.train) + len(data.test) == rows.records.sum()
        assert set(data.test.label) == {0, 1} and set(data.train.label) <= {0, 1}
        for part in (data.train, data.test):
            assert part.name.is_unique and part.sequence.str.fullmatch("[ACGTN]+").all()
        assert not set(data.train.sequence) & set(data.test.sequence) or name.startswith("dream5")
    yeast, measured = load("yeast-rossi2021"), load("satmut-kircher2019")
    assert (
        len(yeast.peaks) == 12 and len(yeast.peaks["Reb1"]) == 1078 and len(yeast.blacklist) == 418
    )
    assert all(
        set(table.chrom) <= set(yeast.chroms) for table in (yeast.blacklist, *yeast.peaks.values())
    )
    assert len(measured.variants) == 89_316 - 22
    variants, sequence = measured.element("TERT-GBM")
    assert [sequence[p - 1] for p in variants.pos] == list(variants.ref) and "N" not in sequence
    with pytest.raises(InputError, match="no element 'TERT' on 'GRCh37'; choose one of BCL11A"):
        measured.element("TERT")
    rest = load("rest-gm12878")
    assert len(shuffle(list(rest.train.sequence))) == 6406
