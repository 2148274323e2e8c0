"""The simplest peer: which k-mers occur, how often, and one weight for each."""

import numpy as np
from jaxtyping import Float
from scipy.sparse import csr_matrix
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from motiflib.batches import Examples
from motiflib.seeding import kmer_codes


def kmer_counts(x: Float[Tensor, "N 4 L"], k: int = 6) -> csr_matrix:
    """How often each k-mer stands in each sequence, both strands as one: sparse (N, 4^k)."""
    codes = kmer_codes(x, k).numpy()
    rows, _ = np.nonzero(codes >= 0)
    found = codes[codes >= 0]
    return csr_matrix((np.ones(len(found)), (rows, found)), shape=(len(codes), 4**k))


class KmerRegression:
    """Logistic regression on counts of 6-mers; the validation examples choose the penalty.

    >>> data = Examples(x, simulated.y)
    >>> KmerRegression(data, data)(x).shape  # higher is more likely positive
    (40,)
    """

    def __init__(self, train: Examples, valid: Examples):
        counts, held = kmer_counts(train.x), kmer_counts(valid.x)
        sign = np.where(valid.y.numpy() > 0.5, 1, -1)
        least = np.inf
        for penalty in (0.003, 0.03, 0.3):  # strengths C of scikit-learn; small is strict
            model = LogisticRegression(C=penalty, max_iter=200).fit(counts, train.y.numpy())
            loss = float(np.logaddexp(0, -sign * model.decision_function(held)).mean())
            if loss < least:
                least, self.penalty, self.model = loss, penalty, model

    def __call__(self, x: Float[Tensor, "N 4 L"]) -> Float[np.ndarray, " N"]:
        return self.model.decision_function(kmer_counts(x))
