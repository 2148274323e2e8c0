"""BED in all its forms, names of chromosomes, windows: small files whose answer is plain."""

from __future__ import annotations

import gzip
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from motiflib.files import InputError
from motiflib.genome.peaks import on_genome, overlaps, read_intervals, same_names, windows

YEAST = {
    f"chr{name}": 1000 for name in "I II III IV V VI VII VIII IX X XI XII XIII XIV XV XVI M".split()
}
GOOD = {
    "bed3": ("chr1\t10\t20\n", ("chr1", 10, 20, "chr1:10-20", ".", ".", 15)),
    "spaces": ("chr1 10 20 p\n", ("chr1", 10, 20, "p", ".", ".", 15)),
    "bed6": ("chr1\t10\t11\tp\t900\t-\n", ("chr1", 10, 11, "p", "900", "-", 10)),
    "narrowPeak": ("chr1\t10\t60\t.\t0\t.\t5.1\t-1\t3.2\t7\n", ("chr1", 10, 60, ".", "0", ".", 17)),
    "narrowPeak without summit": (
        "chr1\t10\t60\t.\t0\t.\t5.1\t-1\t3.2\t-1\n",
        ("chr1", 10, 60, ".", "0", ".", 35),
    ),
    "CRLF and headers": (
        "track x\r\n#c\r\nbrowser hide\r\nchr1\t1\t3\r\n",
        ("chr1", 1, 3, "chr1:1-3", ".", ".", 2),
    ),
    "byte order mark": ("\ufeffchr1\t1\t3\n", ("chr1", 1, 3, "chr1:1-3", ".", ".", 2)),
    "no last line end": ("chr1\t1\t3", ("chr1", 1, 3, "chr1:1-3", ".", ".", 2)),
}
BAD = {
    "empty": ("", "no interval in this file"),
    "headers only": ("#chrom\tstart\tend\n", "no interval in this file"),
    "two columns": ("chr1\t5\n", "line 1: 2 columns, expected chromosome, start, end"),
    "commas": ("chr1,5,9\n", "line 1: 1 column"),
    "bare header": (
        "chrom\tstart\tend\nchr1\t1\t2\n",
        "line 1: start 'start' .*Put # before a header",
    ),
    "1-based": ("chr1\t5\t9\nchr1\t7\t7\n", "line 2: .*1-based"),
    "swapped": ("chr1\t9\t5\n", "line 1: end 5 is not after start 9; swap them"),
    "negative": ("chr1\t-2\t5\n", "start -2 is below 0"),
    "GFF": ("chr1\tsgd\tgene\t5\t9\t.\t+\t.\tID=x\n", "not whole numbers; is this BED"),
    "underscores": ("chr1\t1_0\t2_0\n", "start '1_0' .*not whole numbers"),
    "other digits": ("chr1\t\u0663\t\u0665\u0660\n", "not whole numbers"),
    "endless": ("chr1\t5\t" + "9" * 5000 + "\n", "not whole numbers"),
    "endless summit": ("chr1\t10\t60\t.\t0\t.\t5.1\t-1\t3.2\t" + "9" * 5000 + "\n", "not a whole"),
    **{
        f"summit {text!r}": (
            f"chr1\t10\t60\t.\t0\t.\t5.1\t-1\t3.2\t7\nchr1\t10\t60\t.\t0\t.\t5.1\t-1\t3.2\t{text}\n",
            f"line 2: summit {re.escape(ascii(text))} is not a whole number; correct it",
        )
        for text in ("134.0", "abc", "", "²", "--5", "-2")
    },
    "a line of nine columns": (
        "chr1\t1\t9\t.\t0\t.\t5\t2\t3\t7\n" + "chr1\t1\t9\t.\t0\t.\t5\t2\t3\n",
        "line 2: 9 columns, where narrowPeak has 10",
    ),
    "control character in a name": (
        "chr1\t1\t9\tp\x1b[31m\n",
        r"line 1: name 'p\\x1b\[31m' holds bytes that are not printable",
    ),
    "control character in a chromosome": ("chr\x07\t1\t9\n", r"line 1: name 'chr\\x07' holds"),
    "MACS after BED": (
        "chr1\t1\t9\n#chr\tstart\tend\tlength\nchr1\t1\t9\t9\n",
        "line 2: another header",
    ),
    "MACS cut": (
        "chr\tstart\tend\tlength\tabs_summit\nchr1\t1\t9\t9\n",
        "line 2: 4 columns, where MACS peaks has 5",
    ),
    "MACS summit before": (
        "chr\tstart\tend\tlength\tabs_summit\nchr1\t5\t9\t5\t4\n",
        "line 2: summit 4 lies outside the peak, of 5 bp",
    ),
    "decimals": ("chr1\t1.5\t9\n", "not whole numbers"),
    "summit behind": ("chr1\t10\t60\t.\t0\t.\t5.1\t-1\t3.2\t70\n", "summit 70 lies outside"),
}


@pytest.mark.parametrize("case", GOOD)
def test_forms(tmp_path, case):
    text, expected = GOOD[case]
    (tmp_path / "p.bed").write_bytes(text.encode())
    (tmp_path / "p.bed.gz").write_bytes(gzip.compress(text.encode()))
    for name in ("p.bed", "p.bed.gz"):
        assert tuple(read_intervals(tmp_path / name).iloc[-1]) == expected


@pytest.mark.parametrize("case", BAD)
def test_bad_files_are_refused_in_one_line(tmp_path, case):
    text, message = BAD[case]
    (tmp_path / "p.bed").write_text(text)
    with pytest.raises(InputError, match=message) as caught:
        read_intervals(tmp_path / "p.bed")
    assert "\n" not in str(caught.value) and "p.bed" in str(caught.value)


MACS = (
    "chr\tstart\tend\tlength\tabs_summit\tpileup\t-log10(pvalue)\tfold_enrichment\t-log10(qvalue)\tname"
    "\nchrI\t101\t200\t100\t134\t9.0\t8.1\t7\t6\tp1\nchrI\t401\t501\t101\t402\t9.0\t8.1\t7\t6\tp2\n"
)
NARROW = (
    "chrI\t100\t200\tp1\t61\t.\t7.0\t8.1\t6.0\t33\nchrI\t400\t501\tp2\t61\t.\t7.0\t8.1\t6.0\t1\n"
)
FORMATS = {  # the rows, the summits, what is said
    "narrowPeak": (NARROW, [133, 401], "narrowPeak, 2 summits"),
    "narrowPeak, none known": (
        NARROW.replace("\t33\n", "\t-1\n"),
        [150, 401],
        "narrowPeak, 1 summits, and 1 unknown (-1): their middles are used",
    ),
    "MACS": ("# made by MACS\n# d = 5\n\n" + MACS, [133, 401], "MACS peaks, 2 summits"),
    "MACS, its header commented": ("#" + MACS, [133, 401], "MACS peaks, 2 summits"),
    "MACS, broad": (
        "chr\tstart\tend\tlength\tpileup\tname\nchrI\t101\t200\t100\t9\tp1\n",
        [150],
        "MACS peaks, 1 intervals, their middles are used",
    ),
    "MACS 1.4": (
        "chr\tstart\tend\tlength\tsummit\ttags\nchrI\t101\t200\t100\t34\t9\n",
        [133],
        "MACS peaks, 1 summits",
    ),
    "calls": (
        "#sequence\tstart\tend\tmotif\tscore\tstrand\tactivation\tattention\teffect\tprobability\n"
        "chrI\t100\t121\tM1\t900\t-\t3.1\t0.2\t5\t1\n",
        [110],
        "calls, 1 intervals, their middles are used",
    ),
    "summits.bed": (
        "chrI\t133\t134\tp1\t8.1\nchrI\t401\t402\tp2\t7\n",
        [133, 401],
        "BED, 2 summits",
    ),
    "BED9 and a count": (
        "chrI\t100\t200\tp\t0\t+\t100\t200\t0\t7\n",
        [150],
        "BED, 1 intervals, their middles are used",
    ),
    "BED9 with a colour": (
        "chrI\t100\t200\tp\t0\t+\t100\t200\t255,0,0\t7\n",
        [150],
        "BED, 1 intervals, their middles are used",
    ),
    "eleven columns": (
        NARROW.replace("\n", "\tx\n"),
        [150, 450],
        "BED, 2 intervals, their middles are used",
    ),
}


@pytest.mark.parametrize("case", FORMATS)
def test_the_format_of_the_whole_file_tells_the_summits(tmp_path, caplog, case):
    text, summits, said = FORMATS[case]
    path = tmp_path / "p"
    path.write_text(text)
    caplog.set_level("INFO")
    table = read_intervals(path)
    assert table.summit.tolist() == summits and table.summit.dtype == "int64"
    assert table.start.iloc[0] in (100, 133)  # of MACS too, which counts from 1
    assert caplog.messages == [f"{path}: {said}"]
    caplog.clear()
    on_genome(path, YEAST, whole=True)
    assert caplog.messages == [f"{path}: {said.split(',')[0]}, {len(summits)} intervals"]


def test_bytes_that_are_no_text_are_shown_not_passed_on(tmp_path):
    for line in (b"chr\xff\t1\t9\n", b"chr1\t1\t9\tp\xff\n"):
        (tmp_path / "p.bed").write_bytes(line)
        with pytest.raises(InputError, match=r"line 1: name '[a-z]+.udcff' holds") as caught:
            read_intervals(tmp_path / "p.bed")
        assert str(caught.value).isprintable()


def test_names_keep_their_quotes(tmp_path):
    (tmp_path / "p.bed").write_text("chr\"1'\t1\t9\t\"a\" 'b\n")
    assert tuple(read_intervals(tmp_path / "p.bed").loc[0, ["chrom", "name"]]) == (
        "chr\"1'",
        "\"a\" 'b",
    )


def test_macs_names_and_calls_columns(tmp_path):
    (tmp_path / "p").write_text(MACS)
    assert tuple(read_intervals(tmp_path / "p").iloc[0]) == (
        "chrI", 100, 200, "p1", ".", ".", 133
    )  # fmt: skip
    (tmp_path / "p").write_text(FORMATS["calls"][0])
    assert tuple(read_intervals(tmp_path / "p").iloc[0]) == (
        "chrI", 100, 121, "M1", "900", "-", 110
    )  # fmt: skip


def test_names_are_matched_only_without_doubt():
    assert same_names(["chr1", "chr10", "chr16"], YEAST) == {
        "chr1": "chrI",
        "chr10": "chrX",
        "chr16": "chrXVI",
    }
    assert same_names(["I", "MT"], YEAST) == {"I": "chrI", "MT": "chrM"}
    assert same_names(["chr1", "chrX"], {"1": 9, "X": 9}) == {
        "chr1": "1",
        "chrX": "X",
    }  # human X is not 10
    assert same_names(["chr1", "chr99"], YEAST) == {}
    assert same_names(["chr1", "chr2", "plasmid"], YEAST, some=True) == {
        "chr1": "chrI",
        "chr2": "chrII",
    }
    assert same_names(["1", "chr1"], {"chrI": 9}) == {}  # two names for one
    assert same_names(["1"], {"chr1": 9, "Chr1": 9}) == {}


def table(*rows) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["chrom", "start", "end"]).assign(
        name="p", score=".", strand=".", summit=lambda t: (t.start + t.end) // 2
    )


def test_other_names_are_explained_and_mapped_on_request():
    peaks = table(("chr4", 5, 9), ("chr10", 1, 3))
    with pytest.raises(InputError, match="chr4 = chrIV, chr10 = chrX: .*--rename-chroms"):
        on_genome(peaks, YEAST)
    assert list(on_genome(peaks, YEAST, rename=True).chrom) == ["chrIV", "chrX"]
    assert on_genome(table(("chrIV", 5, 9)), YEAST, rename=True).chrom[0] == "chrIV"
    with pytest.raises(
        InputError, match="no chromosome 'scaffold_7' in the genome, which has chrI,"
    ):
        on_genome(table(("scaffold_7", 5, 9)), YEAST, rename=True)
    listed = on_genome(
        table(("chr4", 5, 9), ("plasmid", 1, 3), ("chr5", 1, 3)), YEAST, rename=True, some=True
    )
    assert list(listed.chrom) == ["chrIV", "chrV"]


def test_the_one_contig_that_is_lost_is_named():
    """Not the first of all, which another name would mend."""
    peaks = table(("chr1", 5, 9), ("chr2", 1, 3), ("chrUn_7", 1, 3))
    for rename in (False, True):
        with pytest.raises(InputError, match="no chromosome 'chrUn_7' in the genome, which has 1,"):
            on_genome(peaks, {"1": 99, "2": 99}, rename=rename)
    with pytest.raises(InputError, match="no chromosome 'chrUn_7' in the genome, which has chr1,"):
        on_genome(peaks, {"chr1": 99, "chr2": 99})
    with pytest.raises(InputError, match="chr1 = 1, chr2 = 2: .*--rename-chroms"):
        on_genome(peaks[:2], {"1": 99, "2": 99})
    listed = on_genome(peaks, {"1": 99, "2": 99}, rename=True, some=True)
    assert listed.chrom.tolist() == ["1", "2"]


def test_peaks_past_the_end():
    with pytest.raises(
        InputError, match="chrI:990-1001 lies beyond the chromosome's end, 1000; .*another assembly"
    ):
        on_genome(table(("chrI", 5, 9), ("chrI", 990, 1001)), YEAST)


def test_windows_are_centred_and_what_is_left_out_is_counted():
    peaks = table(
        ("chrI", 100, 101),
        ("chrI", 100, 101),
        ("chrI", 3, 4),
        ("chrII", 998, 999),
        ("chrII", 500, 501),
    )
    found, dropped = windows(peaks, YEAST, 20, blacklist=table(("chrII", 509, 600)))
    assert found[["chrom", "start", "end"]].to_numpy().tolist() == [["chrI", 90, 110]]
    assert dropped == {"over an edge": 2, "in the blacklist": 1, "repeated": 1}
    assert (
        len(windows(peaks, YEAST, 20, blacklist=table(("chrII", 510, 600)))[0]) == 2
    )  # they only touch
    with pytest.raises(InputError, match="window of 0 bp"):
        windows(peaks, YEAST, 0)


spans = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(0, 30), st.integers(1, 9)), min_size=1, max_size=12
)


@given(spans, spans)
def test_overlaps_equals_the_plain_form(ours, theirs):
    ours, theirs = ([(c, s, s + n) for c, s, n in rows] for rows in (ours, theirs))
    plain = [any(c == d and s < f and e < t for d, e, f in theirs) for c, s, t in ours]
    assert np.array_equal(overlaps(table(*ours), table(*theirs)), plain)
