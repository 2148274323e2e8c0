"""Effects of variants on planted sites: what is broken, made and moved is said; bad VCF files are
refused in a line."""

from __future__ import annotations

import random
import re
from functools import partial

import pandas as pd
import pytest
from motifbook.datasets import data_path

from motiflib import cli
from motiflib.files import InputError
from motiflib.genome.fasta import Genome
from motiflib.genome.variants import (
    Pair,
    between,
    effects,
    from_fasta,
    log_odds,
    main_event,
    on_reference,
    read_vcf,
)
from motiflib.run.folder import load_run
from motiflib.sequence import reverse_complement, write_fasta

SITE = "TTCAGCACCACGGACAGCGCC"  # REST, whole; its halves are TTCAGCACC and GGACAGCGCC
HEAD = "##fileformat=VCFv4.2\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"


@pytest.fixture(scope="module")
def run():
    return load_run(data_path("models", "rest-gm12878"))


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    """A genome whose only chromosome holds a site at 490, and one whose second half is broken at
    1490."""
    rng = random.Random(5)
    letters = "".join(rng.choices("ACGT", k=2000))
    letters = (
        letters[:490] + SITE + letters[511:1490] + SITE.replace("GACA", "TTTC") + letters[1511:]
    )
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    write_fasta(path, [("chr1", letters), ("tiny", "ACGTACGT")])
    return path


def table(*rows) -> pd.DataFrame:
    return pd.DataFrame(
        [("chr1", pos, ".", ref, alt) for pos, ref, alt in rows],
        columns=["chrom", "pos", "name", "ref", "alt"],
    )


def test_lost_gained_and_nothing(run, fasta):
    genome = Genome(fasta)
    far = genome.fetch("chr1", 530, 531)
    variants = table(
        (503, "GACA", "TTTC"), (1503, "TTTC", "GACA"), (531, far, "A" if far != "A" else "C")
    )
    seen = effects(run, variants, on_reference(genome, variants, run.tile))
    assert seen.event[0] == "lost" and seen.change[0] < -1 and seen.change[1] > 0.3
    assert (
        seen.score_ref[0] >= 0.5 > seen.score_alt[0] and 495 <= seen.start[0] < seen.end[0] <= 515
    )
    there = on_reference(genome, variants[:1], run.tile)
    turned = [Pair(p.after, p.before, p.at, p.alt, p.ref, p.origin) for p in there]
    back = effects(run, variants[:1], turned).iloc[0]  # the same change the other way round
    assert (
        back.event == "gained"
        and back.change == pytest.approx(-seen.change[0])
        and back.start == seen.start[0]
    )
    assert (back.score_ref, back.score_alt) == (seen.score_alt[0], seen.score_ref[0])
    assert seen.event[2] in ("none", "changed") and abs(seen.change[2]) < abs(seen.change[0])
    assert (seen.change - (seen.log_odds_alt - seen.log_odds_ref)).abs().max() < 1e-5


def test_moved_is_one_site_further_on():
    """One site fades 25 bp beside the one that a variant makes: that is a gain; where they share
    bases, it moved."""
    rows = [("M1", "+", 100, 108, 0.7, 0.2, 2, 1, True),
            ("M1", "+", 125, 133, 0.15, 0.8, 0, 4, True)]
    columns = ["motif", "strand", "start", "end", "score_ref", "score_alt", "effect_ref",
               "effect_alt", "touched"]
    assert main_event(pd.DataFrame(rows, columns=columns), 0.5, 1000) == (
        "gained",
        "M1",
        "+",
        1125,
        1133,
        0.15,
        0.8,
    )
    near = [rows[0], ("M1", "+", 104, 112, 0.0, 0.8, 0, 4, True)]
    assert main_event(pd.DataFrame(near, columns=columns), 0.5, 0) == (
        "moved",
        "M1",
        "+",
        104,
        112,
        0.7,
        0.8,
    )


def test_insertions_and_deletions_keep_coordinates(run, fasta):
    genome = Genome(fasta)
    here = genome.fetch("chr1", 498, 500)
    variants = table(
        (499, here[0], here[0] + "GATTACAGATTACAGATTACA"),
        (503, genome.fetch("chr1", 502, 509), "G"),
    )
    pairs = on_reference(genome, variants, run.tile)
    assert all(len(pair.before) == len(pair.after) == run.tile for pair in pairs)
    for pair, row in zip(pairs, variants.itertuples(), strict=True):
        assert pair.before == genome.fetch("chr1", pair.origin, pair.origin + run.tile)
        rest = genome.fetch("chr1", row.pos - 1 + len(row.ref), row.pos + 200)
        written = genome.fetch("chr1", pair.origin, row.pos - 1) + row.alt + rest
        assert pair.after == written[: run.tile]
    seen = effects(run, variants, pairs)
    assert seen.event[1] == "lost" and seen.change[1] < -1
    assert seen.change[0] < 0 and log_odds(run, [pairs[0].before])[0] == pytest.approx(
        seen.log_odds_ref[0], abs=1e-4
    )


def test_a_spacing_that_was_learnt_breaks(run, fasta):
    genome = Genome(fasta)
    variants = table((500, "A", "A" + "CTA"))  # between the halves
    seen = effects(run, variants, on_reference(genome, variants, run.tile), threshold=0.2)
    assert re.search(r"M\d with M\d on the (same|other) strand, 1[01] bp on", seen.rule_lost[0])


def test_names_are_mapped_only_on_request(fasta):
    genome = Genome(fasta)
    given = table((503, "GACA", "TTTC")).assign(chrom="1")
    with pytest.raises(InputError, match="if it means 'chr1', ask for it with --rename-chroms"):
        on_reference(genome, given, 101)
    plain = on_reference(genome, table((503, "GACA", "TTTC")), 101)
    assert on_reference(genome, given, 101, rename=True) == plain


def test_windows_at_the_ends(run, fasta):
    genome = Genome(fasta)
    bases = {pos: genome.fetch("chr1", pos - 1, pos) for pos in (1, 2000)}
    pairs = on_reference(
        genome, table(*((pos, base, reverse_complement(base)) for pos, base in bases.items())), 101
    )
    assert [(pair.origin, pair.at, len(pair.before)) for pair in pairs] == [
        (0, 0, 101),
        (1899, 100, 101),
    ]


@pytest.mark.parametrize("size", [2, 50, 51, 52, 100, 101])
@pytest.mark.parametrize("width", [100, 101])
@pytest.mark.parametrize("pos", [1, 30, 700, 1890, 2000])
def test_both_alleles_are_whole_in_their_windows(fasta, size, width, pos):
    """Of a deletion and of an insertion of any size that fits, at the ends of the chromosome
    too."""
    genome, size = Genome(fasta), min(size, width)
    letters = genome.fetch("chr1", 0, 2000)
    start = min(pos, 2001 - size) - 1
    long, short = letters[start : start + size], letters[start]
    gone = on_reference(genome, table((start + 1, long, short)), width)[0]
    at, end = gone.at, gone.at + len(gone.ref)
    assert at >= 0 and gone.before[at:end] == gone.ref and len(gone.before) == width
    assert len(gone.ref) == size - 1 and end <= width
    written = letters[:start] + short + letters[start + size :]
    assert gone.after == written[gone.origin :][:width]
    alt = short + "G" * (size - 1)
    made = on_reference(genome, table((start + 1, short, alt)), width)[0]
    assert made.at >= 0 and len(made.after) == width and made.at + len(made.alt) <= width
    written = letters[:start] + alt + letters[start + 1 :]
    assert made.after == written[made.origin :][:width] and len(made.alt) == size - 1


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("AACGT", "AAGT", (2, "C", "")),
        ("AAA", "AAAA", (0, "", "A")),
        ("ACGT", "ATGT", (1, "C", "T")),
        ("AC", "AC", (0, "", "")),
    ],
)
def test_alleles_between_sequences(before, after, expected):
    assert (
        between(before, after).at,
        between(before, after).ref,
        between(before, after).alt,
    ) == expected


def test_pairs_of_fasta_files(run, tmp_path):
    write_fasta(tmp_path / "ref.fa", [("a", "ACGTTGCA" * 6 + SITE), ("b", "ACGTTGCA" * 9)])
    write_fasta(
        tmp_path / "alt.fa",
        [("a2", "ACGTTGCA" * 6 + SITE[:13] + "T" + SITE[14:]), ("b", "ACGTTGCA" * 9)],
    )
    variants, pairs = from_fasta(tmp_path / "ref.fa", tmp_path / "alt.fa")
    assert variants.iloc[0].tolist() == ["a", 62, "a2", "A", "T"] or variants.ref[0] == SITE[13]
    seen = effects(run, variants, pairs)
    assert seen.change[1] == 0 and seen.event[1] == "none" and seen.change[0] != 0
    write_fasta(tmp_path / "one.fa", [("a", "ACGT")])
    with pytest.raises(InputError, match="1 records, .*ref.fa has 2"):
        from_fasta(tmp_path / "ref.fa", tmp_path / "one.fa")
    write_fasta(tmp_path / "turned.fa", [("b", "ACGTTGCA" * 9), ("a", "ACGTTGCA" * 6 + SITE)])
    with pytest.raises(InputError, match="turned.fa: record 'b' stands where .*ref.fa has 'a'"):
        from_fasta(tmp_path / "ref.fa", tmp_path / "turned.fa")
    with pytest.raises(
        InputError, match="record 'a' has 69 bp, fewer than the filters' width of 70"
    ):
        from_fasta(tmp_path / "ref.fa", tmp_path / "ref.fa", least=70)


def test_left_and_right_forms_of_an_indel_are_one(run, fasta):
    """A base of a run, or a unit of a repeat, gained or lost: the same window, the same numbers."""
    genome = Genome(fasta)
    letters, forms = genome.fetch("chr1", 0, 2000), []
    repeats = [m for m in re.finditer(r"([ACGT]{1,3})\1{2,}", letters) if m.start() > 0]
    assert len(repeats) > 20
    for place in repeats[:40]:
        unit, start, end = place[1], place.start(), place.end()
        left = (start, letters[start - 1] + unit, letters[start - 1])  # 1-based, one base before
        right = (end - len(unit), letters[end - len(unit) - 1 : end], letters[end - len(unit) - 1])
        forms.append([left, right, (left[0], left[2], left[1]), (right[0], right[2], right[1])])
    for kind in (0, 2):
        one, other = (table(*(form[kind + i] for form in forms)) for i in (0, 1))
        assert on_reference(genome, one, run.tile) == on_reference(genome, other, run.tile)


def test_the_row_names_the_site_that_the_variant_touches(run, fasta):
    """Every single-base variant of a whole site: the row covers it, whatever moves elsewhere."""
    genome = Genome(fasta)
    snvs = [(491 + i, base, alt) for i, base in enumerate(SITE) for alt in "ACGT" if alt != base]
    seen = effects(run, table(*snvs), on_reference(genome, table(*snvs), run.tile))
    named = seen[seen.motif != ""]
    assert len(named) > 0.8 * len(seen)  # the site's last bases belong to no motif
    assert ((named.start < named.pos) & (named.end >= named.pos)).all()  # pos is 1-based
    strong = seen[seen.change.abs() > 0.5]
    assert len(strong) and (strong.motif != "").all()


def test_alleles_that_are_not_spelt_out_are_left_out_and_listed(tmp_path):
    lines = ["1\t5\t.\tA\tC,<NON_REF>", "1\t6\t.\tA\t*", "1\t7\t.\tG\tG]17:198982]",
             "1\t8\t.\tG\t<DEL>", "1\t9\t.\tG\tT"]
    (tmp_path / "v.vcf").write_text(HEAD + "\n".join(lines) + "\n")
    variants = read_vcf(tmp_path / "v.vcf")
    assert variants.pos.tolist() == [5, 9]
    skipped = variants.attrs["skipped"]
    assert skipped.allele.tolist() == ["<NON_REF>", "*", "G]17:198982]", "<DEL>"]
    assert skipped.line.tolist() == [3, 4, 5, 6]
    with pytest.raises(InputError, match="line 3: allele '<NON_REF>' is not spelt out"):
        read_vcf(tmp_path / "v.vcf", strict=True)


def test_an_unplaced_contig_is_the_one_that_is_blamed(fasta):
    genome = Genome(fasta)
    good = table((503, "GACA", "TTTC")).assign(chrom="1")
    more = table((8, "T", "A")).assign(chrom="tiny")
    bad = pd.concat([good, more, good.assign(chrom="Un_GL000220")])
    with pytest.raises(InputError, match="no chromosome 'Un_GL000220' in the genome"):
        on_reference(genome, bad, 100, rename=True)


def test_alternatives_are_rows(tmp_path):
    (tmp_path / "v.vcf").write_text(HEAD + "1\t5\trs1\ta\tC,gt\t.\t.\t.\r\n\n2\t7\t.\tAC\tA\n")
    assert read_vcf(tmp_path / "v.vcf").to_numpy().tolist() == [
        ["1", 5, "rs1", "A", "C"],
        ["1", 5, "rs1", "A", "GT"],
        ["2", 7, ".", "AC", "A"],
    ]


BAD = {
    "symbolic": ("chr1\t9\t.\tA\t<DEL>", "line 3: allele '<DEL>' is not spelt out"),
    "breakend": ("chr1\t9\t.\tA\tA]chr2:5]", "is not spelt out"),
    "spanning deletion": ("chr1\t9\t.\tA\tC,*", r"allele '\*'"),
    "no alternative": ("chr1\t9\t.\tA\t.", r"allele '\.'"),
    "IUPAC": ("chr1\t9\t.\tR\tA", "allele 'R'"),
    "same": ("chr1\t9\t.\tA\ta", "both 'A'"),
    "spaces": ("chr1 9 . A C", "1 columns, expected CHROM"),
    "position": ("chr1\tnine\t.\tA\tC", "position 'nine'"),
    "zero": ("chr1\t0\t.\tA\tC", "position '0'"),
    "zeros": ("chr1\t0000\t.\tA\tC", "position '0000'"),
    "superscript": ("chr1\t²\t.\tA\tC", "position '²'"),
    "long position": ("chr1\t" + "9" * 5000 + "\t.\tA\tC", "is not a whole number"),
    "long reference": (
        "chr1\t9\t.\t{102}\tC",
        "102 bp does not fit into the network's window of 101 bp",
    ),
    "very long reference": (
        "chr1\t9\t.\t{999}\tC",
        "chr1:9, 999 bp to 1 bp: an allele of 999 bp",
    ),
    "long alternative": (
        "chr1\t9\t.\t{1}\t" + "C" * 102,
        "102 bp does not fit into the network's window of 101 bp",
    ),
    "short contig": (
        "tiny\t2\t.\tC\tA",
        "tiny:2 C>A: its sequence has 8 bp, fewer than the filters' width of 12",
    ),
    "empty": ("", "no variant in this file"),
    "contig": (
        "chr9\t9\t.\tA\tC",
        "chr9:9 A>C: no chromosome 'chr9' in the genome, which has chr1",
    ),
    "past the end": ("chr1\t2001\t.\tA\tC", "beyond the chromosome's end, 2000"),
    "reference": ("chr1\t491\t.\tG\tC", "chr1:491 G>C: the genome has 'T' there"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_files_end_with_one_line_and_nothing_written(fasta, tmp_path, capsys, case):
    line, message = BAD[case]
    there = partial(Genome(fasta).fetch, "chr1", 8)  # so many bases, where a line has {number}
    line = re.sub("{([0-9]+)}", lambda number: there(8 + int(number[1])), line)
    (tmp_path / "v.vcf").write_text(HEAD + line + "\n")
    before = set(tmp_path.rglob("*"))
    typed = [
        "variants",
        "--strict",
        str(data_path("models", "rest-gm12878")),
        "--genome",
        str(fasta),
        "--vcf",
        str(tmp_path / "v.vcf"),
        "--out",
        str(tmp_path / "new" / "e.tsv"),
    ]
    assert cli.app(typed, standalone_mode=False) == 2
    said = capsys.readouterr().err.splitlines()
    assert (
        len(said) == 1
        and said[0].startswith("error: ")
        and pd.Series(said).str.contains(message).all()
    )
    assert set(tmp_path.rglob("*")) == before


def test_the_command_line(fasta, tmp_path):
    (tmp_path / "v.vcf").write_text(HEAD + "chr1\t503\tbreak\tGACA\tTTTC\n")
    run = str(data_path("models", "rest-gm12878"))
    typed = ["variants", run, "--genome", str(fasta), "--vcf", str(tmp_path / "v.vcf")]
    assert cli.app([*typed, "--out", str(tmp_path / "e.tsv")], standalone_mode=False) == 0
    seen = pd.read_csv(tmp_path / "e.tsv", sep="\t").iloc[0]
    assert seen["event"] == "lost" and seen["name"] == "break" and seen["change"] < -1
    assert (
        cli.app(["variants", run, "--genome", str(fasta), "--out", "x"], standalone_mode=False) == 2
    )
