"""Chapter 2's explorers: an LSTM's gates, the gradient through time, and sampled text."""

from course.explorers.rnn.gate_inspector import gate_inspector
from course.explorers.rnn.gradient_flow import gradient_flow
from course.explorers.rnn.sampling import sampling
