"""Texts that tokenizers get wrong: every script of writing, marks, digits, controls, white space, added tokens. Seeded."""
import random
import unicodedata


def every_script(part, of=2):
    """A few letters, a mark and a digit of each script, by the first word of the characters' names."""
    scripts = {}
    for code in range(0x80, 0x32000):
        c = chr(code)
        name = unicodedata.name(c, "")
        if not name or name.startswith(("CJK COMPAT", "VARIATION", "HANGUL SYLL")):
            continue
        group = scripts.setdefault(name.split()[0], {})
        group.setdefault(unicodedata.category(c)[0], []).append(c)
    words = []
    for i, name in enumerate(sorted(scripts)):
        group = scripts[name]
        if i % of != part or "L" not in group or len(group["L"]) < 3:
            continue
        letters = group["L"]
        step = max(1, len(letters) // 3)
        words.append("".join(letters[::step][:3]) + "".join(group.get("M", [])[:1]) + "".join(group.get("N", [])[:1]))
    return " ".join(words)


WORDS = "the of and to in is that it was for on are with as his they at be this from have or by one had not but what all were when we there can an your which their said if do will each about how up out them then she many some so these would other into".split()


def prose(length, seed):
    r, out = random.Random(seed), ""
    while len(out) < length:
        sentence = [r.choice(WORDS) for _ in range(r.randint(4, 12))]
        out += " ".join(sentence).capitalize() + r.choice([". ", ", ", "! ", "? ", ".\n"])
    return out[:length]


TRICKY = list("aAzZsSkKéßſİıΣςσ019 \t\n\r.,'-_▁<>[]#²½Ⅷ٣३०①Ａ１﹏゛。、ーあアｱﾞ漢字𠀋한ㅎกำहिं̣̂́") + [
    "\u0085", "\u00a0", "\u00ad", "\u200b", "\u200d", "\u2028", "\u3000", "\ufeff", "\ufffd", "\u0000", "\x7f", "\u0345", "\u0301", "\u1e9b\u0323",
    "🙂", "👩\u200d💻", "🇫🇷", "\ufe0f", "ﬁ", "ﬆ", "ŉ", "ǅ", "각", "\u1100\u1161\u11a8", "\u0f71\u0f72", "don't", "I'LL", " the", "  ", "<s>", "NEW", "\U0001d7d8", "\U00011935\U00011930", "\U000105d2\u0307", "ʕ",
]


def mixed(length, seed):
    r = random.Random(seed)
    return "".join(r.choice(TRICKY) for _ in range(length))


def texts(seed):
    return [
        prose(300, seed) + "Hello, world! Don't they've I'LL he'S 12345 67 3.14",
        "def f(x_1, y):\n\treturn x_1**2 + [y]{0}  # A_b-c/d\\e @me $5 50% ^~|`\"'\n\n\n    pass\r\n",
        "2 ½ 1² ³ Ⅷ ⅓ ٣٤ ३ ๔ ２３ ① ⑴ 𝟘𝟡 ௧ ㊄ 12345678901 3,141.59 0x1F ½½²",
        "  two  spaces \n\n line\tx \u00a0 \u3000 \u2003 \u2028 \u2029 \u0085 \u1680 \u202f \u205f \v \f \x1c \x1f \u180e \u200b end  ",
        "a\x00b\x01c\x7fd\x80e\x9ff\u00adg\u200ch\u200di\u2060j\ufeffk\ufffdl\ue000m\uffffn\U000e0041o\U0010fffdp\u0600q\u061cr",
        "🙂👩‍👩‍👧 👍🏽 🇫🇷🇩 1️⃣ ❤️ ☎ © ® ™ ‼ 🏴\U000e0067\U000e007f x🙂x 🙂 🙂",
        every_script(0),
        every_script(1),
        "café — naïve ÀÉÎ e\u0301 a\u0323\u0302 a\u0302\u0323 \u0301x ﬁ Å \u212b \u1e9b\u0323 q\u0307\u0323 \u0f71\u0f72\u0f74 각 \u1100\u1161\u11a8 가\u11a8 \u0344 Ω \u0958 \u09dc \ufb1d שּׁ ｶﾞ ㌀ ㋿ ꟲ 𑤸 𐗉 \U00011382\U000113c9",
        "中文字 日本語テキスト。ーー 한국어 𠀀𪜀𫝀𫠠𬺰 豈\uf900 丽\U0002f800 ㄅㄆ ＡＢ１、「」ｱｲｳ ゛ 々〆 仝",
        "العربية بِسْمِ ٱللَّهِ ١٢٣ עברית שָׁלוֹם ܐܒ \u202bRTL\u202c لا ﻻ ﷽ فارسی ۱۲۳ ߊߋ،",
        "a<s>b </s> <pad>x <tool>y< tool >NEWxNEW NEW <s><s>\n<s>\té<s> the Theythe  <tool>  the_ <|a|><|ab|> ½NEW½ ▁NEW they",
        "ALL CAPS Text İI ß ẞ ſ K Å Σίσυφος ΟΔΟΣ ΑΣ. Σ ΑΣΑ ǅ ǆ ﬁ ﬀ ŉ ᾳ ᾼ Ω Ⅷ ⅷ Ⓐ ⓐ Ꭰ ꭰ ა Ა ʕʖʔ",
        "x" * 130 + " " + "ab" * 40 + " " * 70 + "y" + "\n" * 9 + "-" * 33 + "é" * 60 + "." * 17 + "1" * 40 + " trail   ",
        "▁a ▁ ▁▁b a▁b _c_ #d ##e ,f,,g a,b;c:d 'n' n't can't 's ’s <0x41> <unk> <unk>x ## ab# <0x0A>",
        "\u1c89\u1c8a \ua7cb \ua7da \U000105c0 \U00011de0 \U00010940 \U00016ea0 \u20c1 \u088f \U0001fae9 \U0002ebf0 \U00031350 \U00033478 \U0001ccd6 \ua7ce",
        "",
        " ",
        "\n",
        mixed(120, seed + 1),
        mixed(160, seed + 2),
        mixed(220, seed + 3),
    ]
