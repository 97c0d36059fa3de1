"""What tests read out of a moving picture's HTML, with the standard library's parser."""

import json
import re
from html.parser import HTMLParser


class Parts(HTMLParser):
    """Tags and attributes in order, and the texts by the tag that came last before them."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.texts = [], [], {}
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.setdefault(self.tags[-1], []).append(data)


def payload(text):
    """The data that the scripts read."""
    return json.loads(Parts(text).texts["script"][0])


def stands_alone(text):
    """Fail unless nothing is fetched, controls have names and stay hidden without the script."""
    code = text.replace("http://www.w3.org/2000/svg", "")  # a name, not an address
    assert not re.search(r"https?:|//[a-z]+\.|@import|url\(|fetch\(|XMLHttp|import\(", code)
    parts = Parts(text)
    for tag, attributes in parts.attributes:
        assert not {"src", "href", "onclick", "style"} & attributes.keys()
        if tag in ("canvas", "svg"):
            assert attributes["role"] == "img"
            assert attributes["aria-label"]
    [stage] = [a for _, a in parts.attributes if a.get("class") == "lrbook-stage"]
    assert "hidden" in stage
    assert parts.texts["noscript"][0].strip()
    ids = [a["id"] for _, a in parts.attributes if "id" in a]
    assert len(ids) == len(set(ids)) == 1
    assert f'getElementById("{ids[0]}")' in text
    assert not re.search(r"#ID\b|\bACCENT\b", text)
    packed = re.search(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)[1]
    assert "<" not in packed  # no text in the data can end the script
