"""List every derivation, check it and plant every mistake: `python -m vae_course.derivations`."""

import sys
import time

from vae_course.derivations.catalogue import all


def main() -> int:
    survived = planted = equivalent = 0
    checking = planting = 0.0
    for derivation in all():
        start = time.process_time()
        derivation.check()
        checked = time.process_time()
        mutants, survivors = derivation.mutants(), derivation.surviving_mutants()
        harmless = sum(mutant.why_equivalent is not None for mutant in mutants)
        done = time.process_time()
        caught = len(mutants) - len(survivors) - harmless
        print(
            f"{derivation.name}: {len(derivation.steps)} steps hold ({checked - start:.1f} s), "
            f"{len(mutants)} mistakes planted, {caught} caught, {harmless} equivalent "
            f"({done - checked:.1f} s)"
        )
        for mutant in survivors:
            print(f"  not caught: {mutant.change}")
        survived += len(survivors)
        planted += len(mutants)
        equivalent += harmless
        checking += checked - start
        planting += done - checked
    print(
        f"{len(all())} derivations hold ({checking:.1f} s). {planted} mistakes planted, "
        f"{planted - survived - equivalent} caught, {equivalent} equivalent, {survived} not caught "
        f"({planting:.1f} s)."
    )
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main())
