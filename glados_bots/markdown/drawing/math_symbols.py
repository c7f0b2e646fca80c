"""LaTeX's commands for single characters and words, and the characters that Unicode has as superscript or subscript."""

import unicodedata

_SYMBOLS = """
alpha α beta β gamma γ delta δ epsilon ε varepsilon ε zeta ζ eta η theta θ vartheta ϑ iota ι kappa κ lambda λ mu μ nu ν
xi ξ pi π varpi ϖ rho ρ varrho ϱ sigma σ varsigma ς tau τ upsilon υ phi φ varphi φ chi χ psi ψ omega ω Gamma Γ Delta Δ
Theta Θ Lambda Λ Xi Ξ Pi Π Sigma Σ Upsilon Υ Phi Φ Psi Ψ Omega Ω aleph ℵ hbar ℏ ell ℓ Re ℜ Im ℑ wp ℘ imath ı jmath ȷ
times × cdot · div ÷ pm ± mp ∓ ast ∗ star ⋆ circ ∘ bullet • oplus ⊕ ominus ⊖ otimes ⊗ odot ⊙ dagger † ddagger ‡ wedge ∧
vee ∨ land ∧ lor ∨ lnot ¬ neg ¬ cap ∩ cup ∪ setminus ∖ sqcup ⊔ sqcap ⊓ triangle △ square □ blacksquare ■ diamond ⋄
leq ≤ le ≤ geq ≥ ge ≥ leqslant ⩽ geqslant ⩾ neq ≠ ne ≠ lt < gt > approx ≈ equiv ≡ sim ∼ simeq ≃ cong ≅ asymp ≍ propto ∝
ll ≪ gg ≫ prec ≺ succ ≻ preceq ⪯ succeq ⪰ doteq ≐ mid | nmid ∤ parallel ∥ perp ⊥ angle ∠ vdash ⊢ dashv ⊣ models ⊨ top ⊤
bot ⊥ in ∈ notin ∉ ni ∋ subset ⊂ supset ⊃ subseteq ⊆ supseteq ⊇ subsetneq ⊊ emptyset ∅ varnothing ∅ forall ∀ exists ∃
nexists ∄ therefore ∴ because ∵ infty ∞ partial ∂ nabla ∇ sum ∑ prod ∏ coprod ∐ int ∫ iint ∬ iiint ∭ oint ∮ bigcup ⋃
bigcap ⋂ bigoplus ⨁ bigotimes ⨂ bigvee ⋁ bigwedge ⋀ prime ′ degree ° checkmark ✓ to → gets ← rightarrow → leftarrow ←
leftrightarrow ↔ Rightarrow ⇒ Leftarrow ⇐ Leftrightarrow ⇔ iff ⇔ implies ⇒ impliedby ⇐ longrightarrow ⟶ longleftarrow ⟵
longleftrightarrow ⟷ Longrightarrow ⟹ Longleftarrow ⟸ Longleftrightarrow ⟺ mapsto ↦ longmapsto ⟼ hookrightarrow ↪
hookleftarrow ↩ uparrow ↑ downarrow ↓ updownarrow ↕ Uparrow ⇑ Downarrow ⇓ nearrow ↗ searrow ↘ swarrow ↙ nwarrow ↖
rightharpoonup ⇀ leftharpoonup ↼ rightleftharpoons ⇌ leftrightharpoons ⇋ rightsquigarrow ⇝ leadsto ⇝ ldots … dots …
dotsc … dotsb ⋯ cdots ⋯ vdots ⋮ ddots ⋱ langle ⟨ rangle ⟩ lfloor ⌊ rfloor ⌋ lceil ⌈ rceil ⌉ lbrace { rbrace } lvert |
rvert | vert | lVert ‖ rVert ‖ Vert ‖ backslash \\ colon : pounds £ S § P ¶ copyright © clubsuit ♣ diamondsuit ♢
heartsuit ♡ spadesuit ♠
""".split()
# Typeset upright, with space between them and neighbouring letters.
FUNCTIONS = frozenset(
    "log ln lg exp sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan lim limsup liminf max min sup inf"
    " det gcd dim ker deg arg hom Pr mod bmod".split()
)
_SPACES = {",": " ", ";": " ", ":": " ", ">": " ", " ": " ", "!": "", "quad": "  ", "qquad": "    "}
PLAIN = {
    **dict(zip(_SYMBOLS[::2], _SYMBOLS[1::2], strict=True)),
    **{name: name for name in FUNCTIONS},
    **{character: character for character in "%$#&_{}"},
    **_SPACES,
    "|": "‖",
}
# Commands for the size of brackets or the style of a formula; they print nothing.
UNSEEN = frozenset(
    "left right middle big Big bigg Bigg bigl bigr Bigl Bigr biggl biggr Biggl Biggr limits nolimits displaystyle"
    " textstyle scriptstyle".split()
)
WORDS = frozenset(
    "text textrm textbf textit mathrm mathbf mathit mathsf mathtt boldsymbol bm operatorname mbox".split()
)
ALPHABETS = {"mathbb": "DOUBLE-STRUCK", "mathcal": "SCRIPT", "mathscr": "SCRIPT", "mathfrak": "FRAKTUR"}
ACCENTS = {
    "hat": "\u0302", "widehat": "\u0302", "tilde": "\u0303", "widetilde": "\u0303", "bar": "\u0304",
    "overline": "\u0304", "vec": "\u20d7", "dot": "\u0307", "ddot": "\u0308", "check": "\u030c",
    "breve": "\u0306", "acute": "\u0301",
    "grave": "\u0300", "underline": "\u0332",
}  # fmt: skip
ROOTS = {"": "√", "2": "√", "3": "∛", "4": "∜"}
HIGH = dict(
    zip(
        "0123456789+-=()niabcdefghjklmoprstuvwxyzABDEGHIJKLMNOPRTUVWβγδθφχ′∘",
        "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿⁱᵃᵇᶜᵈᵉᶠᵍʰʲᵏˡᵐᵒᵖʳˢᵗᵘᵛʷˣʸᶻᴬᴮᴰᴱᴳᴴᴵᴶᴷᴸᴹᴺᴼᴾᴿᵀᵁⱽᵂᵝᵞᵟᶿᵠᵡ′°",
        strict=True,
    )
)
LOW = dict(zip("0123456789+-=()aehijklmnoprstuvxβγρφχ", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓᵦᵧᵨᵩᵪ", strict=True))


def letter(character: str, alphabet: str) -> str | None:
    """The letter in another alphabet, such as ℝ; None if Unicode has none."""
    case = "CAPITAL" if character.isupper() else "SMALL"
    if not (character.isascii() and character.isalpha()):
        return None
    for name in (f"MATHEMATICAL {alphabet} {case} {character}", _older(alphabet, case, character)):
        try:
            return unicodedata.lookup(name)
        except KeyError:
            continue
    return None


def _older(alphabet: str, case: str, character: str) -> str:
    """The name of a letter that is older than Unicode's mathematical alphabets."""
    return f"{'BLACK-LETTER' if alphabet == 'FRAKTUR' else alphabet} {case} {character}"
