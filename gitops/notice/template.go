package notice

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"text/template"
	"text/template/parse"
	"time"
)

// standardText is used by a target that has no template.
const standardText = `[{{.Severity}}] {{.Host}}: {{.Title}}{{if .Detail}}
{{.Detail}}{{end}}{{if .Revision}}
revision {{.Revision}}{{end}}{{if .Link}}
{{.Link}}{{end}}`

// data is all that a template sees: plain strings, without methods.
type data struct {
	Host, Kind, Severity, Service, Revision, Title, Detail, Link, At string
}

// fields are the names of the data.
var fields = []string{"Host", "Kind", "Severity", "Service", "Revision", "Title", "Detail", "Link", "At"}

func dataOf(host string, e Event) data {
	return data{host, e.Kind, string(e.Severity), e.Service, e.Revision, e.Title, e.Detail, e.Link, e.At.UTC().Format(time.RFC3339)}
}

// each is the data with every string changed.
func (d data) each(change func(string) string) data {
	for _, s := range []*string{&d.Host, &d.Kind, &d.Severity, &d.Service, &d.Revision, &d.Title, &d.Detail, &d.Link, &d.At} {
		*s = change(*s)
	}
	return d
}

// functions are those that a template may call.
var functions = []string{"and", "or", "not", "eq", "ne", "upper", "lower"}

// maxTemplate and maxText bound a template and what becomes of it, in bytes. ntfy
// takes 4096.
const (
	maxTemplate = 8 << 10
	maxText     = 3900
)

// compile reads a template. It may choose and put together, not loop, define or call
// anything that can take long or read anything else.
func compile(text string) (*template.Template, error) {
	if len(text) > maxTemplate {
		return nil, errors.New("template: too long")
	}
	t, err := template.New("template").Option("missingkey=error").
		Funcs(template.FuncMap{"upper": strings.ToUpper, "lower": strings.ToLower}).Parse(text)
	if err != nil {
		return nil, err
	}
	if len(t.Templates()) > 1 {
		return nil, errors.New("template: it defines other templates")
	}
	if t.Tree == nil {
		return nil, errors.New("template: it is empty")
	}
	if err := plain(t.Root); err != nil {
		return nil, err
	}
	_, err = render(t, data{})
	return t, err
}

// plain refuses what a template has no need of.
func plain(n parse.Node) error {
	switch n := n.(type) {
	case *parse.ListNode:
		if n == nil {
			return nil
		}
		return plainAll(n.Nodes)
	case *parse.IfNode:
		return errors.Join(plain(n.Pipe), plain(n.List), plain(n.ElseList))
	case *parse.ActionNode:
		return plain(n.Pipe)
	case *parse.PipeNode:
		for _, c := range n.Cmds {
			if err := plainAll(c.Args); err != nil {
				return err
			}
		}
		return nil
	case *parse.IdentifierNode:
		if !slices.Contains(functions, n.Ident) {
			return fmt.Errorf("template: %s can't be called; there are %s", n.Ident, strings.Join(functions, ", "))
		}
		return nil
	case *parse.FieldNode:
		if len(n.Ident) != 1 || !slices.Contains(fields, n.Ident[0]) {
			return fmt.Errorf("template: there is no %s; there are %s", n, strings.Join(fields, ", "))
		}
		return nil
	case *parse.TextNode, *parse.StringNode, *parse.BoolNode, *parse.CommentNode:
		return nil
	}
	return fmt.Errorf("template: %s is not for templates of notices", n)
}

func plainAll(nodes []parse.Node) error {
	for _, n := range nodes {
		if err := plain(n); err != nil {
			return err
		}
	}
	return nil
}

// render is the text of a message.
func render(t *template.Template, d data) (string, error) {
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", err
	}
	text := strings.TrimSpace(b.String())
	if len(text) > maxText {
		text = strings.ToValidUTF8(text[:maxText], "") + "…"
	}
	return text, nil
}
