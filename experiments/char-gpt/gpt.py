"""A small GPT on the text of Python's own standard library: two classes as one writes them for Lightning, and no more.

Every idea that the study takes out is an argument of GPT. Neither class knows that it is ablated.
"""

import math
import sys
import sysconfig
from hashlib import sha256
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np
import pytorch_lightning as pl
import torch
from pytorch_lightning.utilities.types import OptimizerLRSchedulerConfig
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, Dataset, RandomSampler


class Attention(nn.Module):
    """Causal self-attention: each character looks at those before it and at itself. (B, T, C) to (B, T, C)."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.queries_keys_values = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.queries_keys_values(x).chunk(3, dim=-1)
        q, k, v = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)  # (B, heads, T, C / heads)
        y = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.output(y.transpose(1, 2).flatten(2))


class Block(nn.Module):
    """Attention, then two dense layers, each normalised before and added to what came in. (B, T, C) to (B, T, C)."""

    def __init__(self, width: int, heads: int, residual: bool, norm: bool, dropout: float):
        super().__init__()
        self.residual = residual
        self.attention = nn.Sequential(
            nn.LayerNorm(width) if norm else nn.Identity(),
            Attention(width, heads),
            nn.Dropout(dropout),
        )
        self.dense = nn.Sequential(
            nn.LayerNorm(width) if norm else nn.Identity(),
            nn.Linear(width, 4 * width),
            nn.GELU(),
            nn.Linear(4 * width, width),
            nn.Dropout(dropout),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(x) if self.residual else self.attention(x)
        return x + self.dense(x) if self.residual else self.dense(x)


class GPT(pl.LightningModule):
    """The next character from those before it: a decoder-only transformer with the norm first (Radford et al. 2019).

    Maps characters (B, T), integers below `vocabulary`, to logits (B, T, vocabulary); T is at most `context`.
    An idea draws no initial weights (zeros, ones) or draws them last, so that with one seed all other weights begin
    alike whichever is off.

    Args:
        position: add a learned embedding of the place in the window; off, only the causal mask tells order.
        residual: add each layer's input to its output.
        norm: layer normalisation before each layer and before the head.
        tied: the head's weights are the embedding's (Press & Wolf 2017).
        dropout: probability, after the embedding and after each layer; 0 = off.
        warmup: share of all steps in which the learning rate rises linearly; 0 = off. It falls as a cosine after that.
    """

    def __init__(
        self,
        *,
        vocabulary: int,
        context: int,
        width: int,
        layers: int,
        heads: int,
        position: bool,
        residual: bool,
        norm: bool,
        tied: bool,
        dropout: float,
        warmup: float,
        learning_rate: float,
        weight_decay: float,
    ):
        super().__init__()
        self.warmup, self.learning_rate, self.weight_decay = warmup, learning_rate, weight_decay
        self.embedding = nn.Embedding(vocabulary, width)
        nn.init.normal_(self.embedding.weight, std=width**-0.5)  # tied to the head it gives logits of variance 1
        self.position = nn.Parameter(torch.zeros(context, width)) if position else None
        self.dropout = nn.Dropout(dropout)
        self.blocks = nn.Sequential(*(Block(width, heads, residual, norm, dropout) for _ in range(layers)))
        self.norm = nn.LayerNorm(width) if norm else nn.Identity()
        self.head = nn.Linear(width, vocabulary, bias=False)
        if tied:
            self.head.weight = self.embedding.weight

    def forward(self, characters: Tensor) -> Tensor:
        x = self.embedding(characters)  # (B, T, width)
        if self.position is not None:
            x = x + self.position[: characters.shape[1]]
        return self.head(self.norm(self.blocks(self.dropout(x))))

    def bits(self, windows: Tensor) -> Tensor:
        """Mean bits per character of each window: windows (B, T + 1) to (B,)."""
        logits = self(windows[:, :-1])
        return functional.cross_entropy(logits.mT, windows[:, 1:], reduction="none").mean(1) / math.log(2)

    def training_step(self, windows: Tensor, _: int) -> Tensor:
        bits = self.bits(windows).mean()
        self.log("train/bits", bits, on_step=False, on_epoch=True, batch_size=len(windows))
        return bits

    def validation_step(self, windows: Tensor, _: int) -> dict[str, Tensor]:
        bits = self.bits(windows)
        self.log("val/bits", bits.mean(), batch_size=len(windows))
        return {"scores": bits}  # each window's part of the metric: all windows are of one length

    def configure_optimizers(self) -> OptimizerLRSchedulerConfig:
        betas = (0.9, 0.99)  # as nanoGPT has it for characters: so few a step need a longer memory than 0.95
        optimizer = torch.optim.AdamW(self.parameters(), self.learning_rate, betas, weight_decay=self.weight_decay)
        steps = self.trainer.estimated_stepping_batches

        def factor(step: int) -> float:
            rising = self.warmup * steps
            if step < rising:
                return (step + 1) / (rising + 1)
            return 0.5 + 0.5 * math.cos(math.pi * (step - rising) / (steps - rising))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return {"optimizer": optimizer, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}


class Windows(Dataset[Tensor]):
    """Windows of `length` characters of a text (N,), from each of `starts` on."""

    def __init__(self, text: Tensor, starts: list[int] | range, length: int):
        self.text, self.starts, self.length = text, starts, length

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> Tensor:
        start = self.starts[index]
        return self.text[start : start + self.length].long()


class StandardLibrary(pl.LightningDataModule):
    """The modules of Python's standard library that are one file each, 4.7 million characters in 3.11, as windows.

    A file's name decides where it goes: of ten files about one is validation, one is for tuning, the others are for
    training. Characters are numbered by how often they occur in training; what is rarer than that is the last one.

    Args:
        judge: "validation", or "tuning" for choosing settings; neither is ever trained on.
        vocabulary: how many characters are told apart, with one for all others.
        batches: of training, an epoch: windows from random places.
        windows: how many are judged, evenly spaced.
    """

    def __init__(self, *, judge: str, vocabulary: int, context: int, batch_size: int, batches: int, windows: int):
        super().__init__()
        if judge not in ("validation", "tuning"):
            raise ValueError(f"judge={judge}: say validation or tuning")
        self.judge, self.vocabulary, self.context = judge, vocabulary, context
        self.batch_size, self.batches, self.windows = batch_size, batches, windows

    def texts(self) -> dict[str, str]:
        """Training and judged text: the files in the order of their names, one after the other."""
        folder = Path(sysconfig.get_path("stdlib"))
        texts = {"training": "", self.judge: ""}
        for file in (folder / f"{name}.py" for name in sorted(sys.stdlib_module_names)):
            part = {0: "validation", 1: "tuning"}.get(crc32(file.stem.encode()) % 10, "training")
            if part in texts and file.is_file():
                texts[part] += file.read_text(encoding="utf-8")
        if not all(texts.values()):
            raise FileNotFoundError(f"{folder} lacks .py files: use a Python that has its library's source there")
        return texts

    def fingerprint(self) -> str:
        """Digest of both texts: another version of Python is other data."""
        return sha256("\0".join(self.texts().values()).encode()).hexdigest()

    def setup(self, stage: str) -> None:
        codes = [np.frombuffer(text.encode("utf-32-le"), dtype="<u4") for text in self.texts().values()]
        kinds, counts = np.unique(codes[0], return_counts=True)
        common = kinds[np.argsort(-counts, kind="stable")][: self.vocabulary - 1]
        number = np.full(sys.maxunicode + 1, self.vocabulary - 1, dtype=np.uint8)
        number[common] = np.arange(len(common))
        training, judged = (torch.from_numpy(number[text]) for text in codes)
        length = self.context + 1  # the last character is only predicted
        self.training = Windows(training, range(len(training) - length + 1), length)
        self.judged = Windows(judged, np.linspace(0, len(judged) - length, self.windows, dtype=int).tolist(), length)

    def train_dataloader(self) -> DataLoader[Any]:
        sampler = RandomSampler(self.training, replacement=True, num_samples=self.batches * self.batch_size)
        return DataLoader(self.training, self.batch_size, sampler=sampler)

    def val_dataloader(self) -> DataLoader[Any]:
        return DataLoader(self.judged, self.batch_size)
