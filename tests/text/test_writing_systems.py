# ruff: noqa: RUF001  letters of other scripts are what is tested
import pytest

from dovetail.text.writing_systems import guess_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Anna lives in Bonn.", "en"),
        ("我住在北京。", "zh"),
        ("東京に住んでいます", "ja"),
        ("김철수는 서울에 산다", "ko"),
        ("Анна живёт", "ru"),
        ("Η Άννα ζει", "el"),
        ("أحمد في القاهرة", "ar"),
        ("ฉันอยู่ที่กรุงเทพ", "th"),
        ("ཆོས་", "xx"),
        ("123 !?", "en"),
        ("", "en"),
    ],
)
def test_the_script_of_a_text_gives_a_language(text, language):
    assert guess_language([text]).language == language


def test_most_letters_decide_over_all_texts():
    assert guess_language(["Anna", "我住在北京我住在北京"]).language == "zh"
    assert "91% of the letters are Han" in str(guess_language(["A", "我住在北京我住在北京"]))
