"""`motiflib variants`: what each variant does to the log-odds and to the instances."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from motiflib.verbs.base import RunFolder, app, check_place, write_table


@app.command()
def variants(
    run: RunFolder,
    out: Annotated[Path, typer.Option(help="Table: one line a variant.")],
    genome: Annotated[Path | None, typer.Option(help="FASTA of the reference, with --vcf.")] = None,
    vcf: Annotated[Path | None, typer.Option(help="VCF, plain or gzip: SNVs, insertions, deletions.")] = None,
    ref: Annotated[Path | None, typer.Option(help="Instead: FASTA of sequences before, with --alt.")] = None,
    alt: Annotated[Path | None, typer.Option(help="FASTA of the same sequences after, in the same order.")] = None,
    rename_chroms: Annotated[bool, typer.Option(help="With --vcf: take chr1, 1 and chrI for one another.")] = False,
    threshold: Annotated[float, typer.Option(help="Score, 0 to 1, from which a site is an instance.")] = 0.5,
) -> None:
    """Change in log-odds, the instance gained, lost or moved with its scores before and after, the rule that breaks."""
    from motiflib import runs
    from motiflib import variants as room
    from motiflib.genome import Genome
    from motiflib.sequence import InputError

    if (genome is None) != (vcf is None) or (ref is None) != (alt is None) or (genome is None) == (ref is None):
        raise InputError("variants need either --genome with --vcf, or --ref with --alt: give one of the pairs")
    if rename_chroms and vcf is None:
        raise InputError("--rename-chroms: there are no names to match without --vcf; leave it out")
    check_place(out, genome, vcf, ref, alt, run=run)
    loaded = runs.load_run(run)
    if ref is not None:
        table, pairs = room.from_fasta(ref, alt, least=loaded.model.config.width)
    else:
        table = room.read_vcf(vcf)
        with Genome(genome) as sequence:
            about = {"rename": rename_chroms, "where": vcf, "least": loaded.model.config.width}
            pairs = room.on_reference(sequence, table, loaded.tile, **about)
    write_table(room.effects(loaded, table, pairs, threshold=threshold), out)
