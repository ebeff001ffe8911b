package notice

import (
	"regexp"
	"strings"
	"testing"
)

// markup is what chats make something of: mentions, links, images, emphasis, code,
// headings, spoilers.
var markup = regexp.MustCompile("(?m)<[^>]*>|@[a-z]|\\]\\(|\\]\\[|`|\\*|~|\\|\\||^#|(^|[\\s.])_[^\\s_]")

func TestNothingIsMarkup(t *testing.T) {
	for _, text := range []string{
		"@channel @here @everyone", "<!channel> <@U123> <https://evil.example|log in>", "[log in](https://evil.example)", "![x](https://evil.example/p.png)",
		"[a][b]\n[b]: https://evil.example", "*bold* _italic_ __bold__ ~strike~ ~~strike~~ `code` ```\nfence\n``` ||spoiler||", "# heading\n  ## heading", "> quote",
	} {
		if got := inert(text); markup.MatchString(got) {
			t.Errorf("%q becomes %q, which has markup: %q", text, got, markup.FindString(got))
		}
	}
	for _, plain := range []string{"web_1 was not ready within 1m0s: GET :8080/a_b/c: 503, want 200-399", "revision 1f3c2a9 is reached; a-b.c (x) \"y\" #3"} {
		if got := strings.ReplaceAll(inert(plain), unbroken, ""); got != plain {
			t.Errorf("%q becomes %q", plain, got)
		}
	}
	if got := inert("web_1"); got != "web_1" {
		t.Errorf("a name becomes %q", got)
	}
}

func TestNothingActsOnATerminal(t *testing.T) {
	if got := visible("a\x1b]52;c;ZXZpbA==\x07b\r\u202ec\u200b\x9bd\ne"); got != "a ]52;c;ZXZpbA== b cd\ne" && got != "a ]52;c;ZXZpbA== b c d\ne" {
		t.Errorf("%q", got)
	}
}
