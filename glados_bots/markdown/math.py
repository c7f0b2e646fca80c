"""Simple LaTeX as Unicode, for clients that cannot set formulas."""

import re

_PAIRS = """
alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ iota ι kappa κ lambda λ mu μ nu ν xi ξ
pi π rho ρ sigma σ tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ Theta Θ Lambda Λ Xi Ξ Pi Π
Sigma Σ Phi Φ Psi Ψ Omega Ω times × cdot · div ÷ pm ± mp ∓ leq ≤ le ≤ geq ≥ ge ≥ neq ≠ ne ≠ approx ≈ equiv ≡ sim ∼
propto ∝ infty ∞ sum ∑ prod ∏ int ∫ partial ∂ nabla ∇ in ∈ notin ∉ subset ⊂ subseteq ⊆ cup ∪ cap ∩ emptyset ∅
forall ∀ exists ∃ neg ¬ land ∧ lor ∨ to → rightarrow → leftarrow ← Rightarrow ⇒ Leftarrow ⇐ iff ⇔ implies ⇒
mapsto ↦ ldots … cdots ⋯ dots … langle ⟨ rangle ⟩ circ ∘ star ⋆ ll ≪ gg ≫ mid | perp ⊥ parallel ∥ angle ∠ hbar ℏ
ell ℓ log log ln ln sin sin cos cos tan tan exp exp lim lim max max min min det det gcd gcd
""".split()
_SYMBOLS = dict(zip(_PAIRS[::2], _PAIRS[1::2], strict=True))
_SPACES = {"\\,": " ", "\\;": " ", "\\:": " ", "\\!": "", "\\ ": " ", "\\%": "%", "\\$": "$", "\\#": "#", "\\&": "&"}
_HIGH = dict(zip("0123456789+-=()niabcdefghjklmoprstuvwxyzT", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻᵀ", strict=True))
_LOW = dict(zip("0123456789+-=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ", strict=True))
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_FRACTION = re.compile(r"\\[dt]?frac\{([^{}]*)\}\{([^{}]*)\}")
_ROOT = re.compile(r"\\sqrt\{([^{}]*)\}")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|mathit|operatorname)\{([^{}]*)\}")
_SCRIPT = re.compile(r"([\^_])(?:\{([^{}]*)\}|(\S))")
_LEFTOVER = re.compile(r"[\\{}^_&]")


def unicode_math(latex: str) -> str | None:
    """Write a formula in plain characters.

    Args:
        latex: without its dollar signs.

    Returns:
        The formula, or None where plain characters cannot hold it.
    """
    text = latex.strip()
    for source, target in _SPACES.items():
        text = text.replace(source, target)
    text = _TEXT.sub(r"\1", text.replace("\\left", "").replace("\\right", ""))
    text = _ROOT.sub(lambda match: f"√{_grouped(match[1])}", text)
    text = _FRACTION.sub(lambda match: f"{_grouped(match[1])}/{_grouped(match[2])}", text)
    text = _COMMAND.sub(_symbol, text)
    text = _SCRIPT.sub(_script, text)
    return None if _LEFTOVER.search(text) or "\n" in text else text


def _grouped(text: str) -> str:
    return text if len(text) == 1 or text.isalnum() else f"({text})"


def _symbol(match: re.Match[str]) -> str:
    return _SYMBOLS.get(match[1], match[0])


def _script(match: re.Match[str]) -> str:
    table = _HIGH if match[1] == "^" else _LOW
    content = match[2] if match[2] is not None else match[3]
    if content and all(character in table for character in content):
        return "".join(table[character] for character in content)
    return match[0]
