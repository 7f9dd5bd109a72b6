"""The recorded models: built from `torch.nn` parts, each as its chapter shows equal to its own, with their
weights.

One function makes one model: on the CPU, in float32 (the weights were kept in half precision), in eval mode,
and with weights that need no gradient: `model.requires_grad_()` makes them ready for training.
"""

from collections import OrderedDict
from itertools import pairwise
from pathlib import Path

import torch
from torch import nn
from torch.distributions import Bernoulli, Normal, kl_divergence
from torch.nn import functional as F

from course import data, is_main, results
from course.files import write_whole

OWN = "my_cnn.safetensors"  # a reader's own net of chapter 1, beside the notebook
BETAS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
ISO = "-0123456789"  # of a date's tokens 1 to 11; 12 starts and 13 ends


def _recorded(chapter, name, make):
    """The model that `make()` builds, with its recorded weights, ready for use."""
    with torch.device("meta"):  # no first weights are drawn: torch's generators stay as they are
        model = make()
    model.load_state_dict(results.load_weights(chapter, name), assign=True)
    return model.eval().requires_grad_(False)


def _chain(**parts):
    """An nn.Sequential of named parts."""
    return nn.Sequential(OrderedDict(parts))


def digits_cnn(own=None):
    """Chapter 1's network: images (B, 1, 28, 28), 0 to 1 -> logits (B, 10) of the digits.

    Args:
        own: a file of `save_digits_cnn`, `OWN` say, with the weights of a reader's own net. Where it is
            missing or is something else, one line says so, and the net is the recorded one. The attribute
            `own` of the net says which it is.
    """
    model = _recorded("01", "cnn", lambda: _chain(
        conv1=nn.Conv2d(1, 16, 5), relu1=nn.ReLU(), pool1=nn.MaxPool2d(2),
        conv2=nn.Conv2d(16, 32, 5), relu2=nn.ReLU(), pool2=nn.MaxPool2d(2),
        flat=nn.Flatten(), hidden=nn.Linear(512, 64), relu3=nn.ReLU(), output=nn.Linear(64, 10),
    ))  # fmt: skip
    model.own = own is not None and _load_own(model, own)
    return model


def _load_own(model, own):
    """Load a reader's own weights into a net; returns whether they fit, and says why where they do not."""
    from safetensors import SafetensorError
    from safetensors import torch as files

    try:
        weights = {name: tensor.float() for name, tensor in files.load(Path(own).read_bytes()).items()}
    except OSError as error:
        _say(f"{own} cannot be read ({error.strerror}): this is the recorded net.")
        return False
    except SafetensorError:
        _say(f"{own} is damaged: this is the recorded net.")
        return False
    shapes = [{name: tensor.shape for name, tensor in some.items()} for some in (weights, model.state_dict())]
    if shapes[0] != shapes[1] or not all(bool(tensor.isfinite().all()) for tensor in weights.values()):
        _say(f"{own} holds no net of chapter 1: this is the recorded one.")
        return False
    model.load_state_dict(weights)
    return True


def save_digits_cnn(model, path=OWN):
    """Keep a reader's own net of chapter 1, for `digits_cnn(own=path)`; says so where that cannot be.

    Args:
        model: with the names and shapes of the chapter's `CNN`.
        path: beside the notebook by default.
    """
    from safetensors.torch import save

    if is_main():
        weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
        try:
            write_whole(Path(path), save(weights))
        except OSError as error:
            _say(f"{path} cannot be written ({error.strerror}): your net is not kept.")


def _say(line):
    if is_main():
        print(line)


class CharModel(nn.Module):
    """Indices of the novel's characters x (B, T), a state or None -> logits (B, T, 75) of the next, state."""

    def __init__(self):
        super().__init__()
        self.embedding, self.output = nn.Embedding(75, 64), nn.Linear(256, 75)
        self.rnn = nn.LSTM(64, 256, batch_first=True)

    def forward(self, x, state=None):
        h, state = self.rnn(self.embedding(x), state)
        return self.output(h), state


class Recaller(nn.Module):
    """Sequences x (B, T, 3) of symbol, mark and query -> an answer at each step, (B, T)."""

    def __init__(self):
        super().__init__()
        self.rnn, self.output = nn.LSTM(3, 3, batch_first=True), nn.Linear(3, 1)

    def forward(self, x):
        return self.output(self.rnn(x)[0])[:, :, 0]


def novel_lstm():
    """Chapter 2's model of the novel, a `CharModel`; its vocabulary is that of `data.novel()`."""
    return _recorded("02", "language_lstm", CharModel)


def recall_lstm():
    """Chapter 2's LSTM of three units that recalls a marked symbol, a `Recaller`."""
    return _recorded("02", "recall_lstm", Recaller)


class DateTransformer(nn.Module):
    """A Transformer with pre-norm that reads dates: source (B, S), target (B, T) -> logits (B, T, 14).

    Source tokens are those of `data.encode(texts, model.vocabulary)`, 0 is padding; the target begins with
    the token `start`, and what the decoder writes ends with the token `end`.
    """

    def __init__(self):
        super().__init__()
        self.start, self.end = len(ISO) + 1, len(ISO) + 2
        self.source, self.target = nn.Embedding(93, 64), nn.Embedding(14, 64)
        how = {"dropout": 0.0, "batch_first": True, "norm_first": True}
        self.encoder = nn.ModuleList(nn.TransformerEncoderLayer(64, 4, 128, **how) for _ in range(2))
        self.decoder = nn.ModuleList([nn.TransformerDecoderLayer(64, 4, 128, **how)])
        self.norms = nn.ModuleList(nn.LayerNorm(64) for _ in range(2))
        self.output = nn.Linear(64, 14)
        self.register_buffer("letters", torch.zeros(92, dtype=torch.int64))

    @property
    def vocabulary(self):
        """The characters of the source, a str; a character's token is 1 more than its place here."""
        return "".join(chr(code) for code in self.letters.tolist())

    def embed(self, embedding, tokens):
        """Embeddings times √64, plus sines and cosines of the positions: (B, T) -> (B, T, 64)."""
        places = torch.arange(tokens.shape[1], dtype=torch.float64)[:, None]
        angles = places * 10000 ** (-torch.arange(0, 64, 2, dtype=torch.float64) / 64)
        x = 8 * embedding(tokens)
        return x + torch.stack([angles.sin(), angles.cos()], -1).flatten(1).to(x)

    def encode(self, source):
        """source (B, S) -> memory (B, S, 64), and where its padding is, (B, S) bool."""
        padding, x = source == 0, self.embed(self.source, source)
        for layer in self.encoder:
            x = layer(x, src_key_padding_mask=padding)
        return self.norms[0](x), padding

    def decode(self, target, memory, padding):
        """target (B, T) -> logits (B, T, 14), and how much each looks at the source, (1, B, 4, T, S)."""
        layer, x = self.decoder[0], self.embed(self.target, target)
        future = torch.ones(target.shape[1], target.shape[1], dtype=torch.bool).triu(1)
        own = layer.norm1(x)  # part by part, since the layer itself keeps its attention to itself
        x = x + layer.self_attn(own, own, own, attn_mask=future)[0]
        found, attn = layer.multihead_attn(
            layer.norm2(x), memory, memory, key_padding_mask=padding, average_attn_weights=False
        )
        x = x + found
        x = x + layer.linear2(F.relu(layer.linear1(layer.norm3(x))))
        return self.output(self.norms[1](x)), attn[None]

    def forward(self, source, target):
        return self.decode(target, *self.encode(source))[0]

    def translate(self, text):
        """Read one date; greedy.

        Returns:
            dict: "source", the text as it is read; "output", the ISO date, a str of at most 12 characters;
            "probs" (T,) of its characters; "attn" (1, 4, T, S), how much each head looks at the source.
        Raises:
            ValueError: a text of more than 40 characters.
        """
        text = data.normalised(text)
        if len(text) > 40:
            raise ValueError(f"The text has {len(text)} characters; dates have up to 40.")
        memory, tokens = self.encode(data.encode([text], self.vocabulary)), torch.tensor([[self.start]])
        while True:
            logits, attn = self.decode(tokens, *memory)
            scores = logits[0, -1].clone()
            scores[[0, self.start]] = -torch.inf  # these two are never written
            if tokens.shape[1] > 12 or scores.argmax() == self.end:
                break
            tokens = torch.cat([tokens, scores.argmax().view(1, 1)], 1)
        probs = logits[0, :-1].softmax(-1).gather(1, tokens[0, 1:, None])[:, 0]
        output = data.decode(tokens[:, 1:], ISO)[0]
        return {"source": text, "output": output, "probs": probs, "attn": attn[:, 0, :, :-1]}


def date_transformer():
    """Chapter 3's reader of dates in seven languages, a `DateTransformer`."""
    return _recorded("03", "dates", DateTransformer)


def _layers(*sizes, activation):
    """Linear layers of these sizes with activations between them."""
    parts = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), activation())]
    return nn.Sequential(*parts[:-1])


class VAE(nn.Module):
    """A Gaussian posterior, a standard normal prior, 784 pixels that are 0 or 1; by torch.distributions.

    x (B, 784), eps (B, Z) -> the reconstruction's negative log-likelihood (B,) of one sample, and the KL of
    each dimension (B, Z); both in nats.
    """

    def __init__(self, latents=20, hidden=256):
        super().__init__()
        self.latents = latents
        self.encoder = _layers(784, hidden, hidden, 2 * latents, activation=nn.GELU)
        self.decoder = _layers(latents, hidden, hidden, 784, activation=nn.GELU)

    def encode(self, x):
        """x (..., 784) -> mean and log variance of the code, (..., Z) each."""
        return self.encoder(x).chunk(2, dim=-1)

    def decode(self, z):
        """A code z (..., Z) -> chances of ink (..., 784)."""
        return self.decoder(z).sigmoid()

    def forward(self, x, eps):
        mu, logvar = self.encode(x)
        posterior = Normal(mu, torch.exp(logvar / 2))
        pixels = Bernoulli(logits=self.decoder(mu + posterior.stddev * eps))
        return -pixels.log_prob(x).sum(-1), kl_divergence(posterior, Normal(0.0, 1.0))


def digits_vae():
    """Chapter 4's VAE of digits, a `VAE` with 20 dimensions of code."""
    return _recorded("04", "digits", VAE)


def plane_vae():
    """Chapter 4's smaller VAE with two dimensions of code, a `VAE`."""
    return _recorded("04", "plane", lambda: VAE(2, hidden=128))


def beta_vae(beta):
    """Chapter 4's small VAE trained with this weight of the KL, one of `BETAS`; a `VAE` with 10 dimensions.

    Raises:
        ValueError: another beta.
    """
    if beta not in BETAS:
        raise ValueError(f"There is no model of beta={beta}; the recorded ones are {BETAS}.")
    return _recorded("04", f"beta_{BETAS.index(beta)}", lambda: VAE(10, hidden=96))


def digits_autoencoder():
    """Chapter 4's `encoder` and `decoder` without noise: x (B, 784) -> code (B, 20) -> logits (B, 784)."""
    return _recorded("04", "autoencoder", lambda: _chain(
        encoder=_layers(784, 256, 256, 20, activation=nn.GELU),
        decoder=_layers(20, 256, 256, 784, activation=nn.GELU),
    ))  # fmt: skip


def digits_generator():
    """Chapter 5's generator: noise (B, 32), standard normal -> images (B, 1, 28, 28), 0 to 1."""
    model = _recorded("05", "digits", lambda: _chain(
        start=_layers(32, 128, 8 * 14 * 14, activation=nn.ReLU), relu=nn.ReLU(),
        image=nn.Unflatten(1, (8, 14, 14)), conv=nn.Conv2d(8, 4, 3, padding=1),
        spread=nn.PixelShuffle(2), sigmoid=nn.Sigmoid(),
    ))  # fmt: skip
    model.noise = 32  # the size of the noise, as the chapter's own class has it
    return model


class Classifier(nn.Module):
    """Images (B, 1, 28, 28), 0 to 1 -> logits (B, 10) of the digits."""

    def __init__(self):
        super().__init__()
        self.body = _chain(
            gather=nn.PixelUnshuffle(2),
            first=nn.Conv2d(4, 32, 3, stride=2, padding=1), relu1=nn.ReLU(),
            second=nn.Conv2d(32, 64, 3, stride=2, padding=1), relu2=nn.ReLU(),
            flat=nn.Flatten(),
        )  # fmt: skip
        self.middle, self.head = nn.Linear(1024, 64), nn.Linear(64, 10)

    def features(self, x):
        """Images (B, 1, 28, 28) -> (B, 64), what the last layer sees."""
        return F.relu(self.middle(self.body(x)))

    def forward(self, x):
        return self.head(self.features(x))


def digits_discriminator():
    """Chapter 5's discriminator of a run with seed 3: images (B, 1, 28, 28), 0 to 1 -> logits (B,)."""
    return _recorded("05", "discriminator", lambda: _chain(
        body=_chain(
            gather=nn.PixelUnshuffle(2),
            first=nn.Conv2d(4, 32, 3, stride=2, padding=1), relu1=nn.ReLU(),
            second=nn.Conv2d(32, 64, 3, stride=2, padding=1), relu2=nn.ReLU(),
            flat=nn.Flatten(),
        ),
        head=nn.Linear(1024, 1), one=nn.Flatten(0),
    ))  # fmt: skip


def digits_classifier():
    """Chapter 5's classifier of digits, which judges generated ones; a `Classifier`."""
    return _recorded("05", "classifier", Classifier)
