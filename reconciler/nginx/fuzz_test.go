package nginx

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"havn.internal/reconciler/plan"
	"havn.internal/spec"
)

// attacks are what has been got past the writers of nginx configurations: the
// payloads of the ingress-nginx advisories (CVE-2021-25742, -25745, -25748,
// CVE-2022-4886, CVE-2023-5043, -5044, CVE-2024-7646, CVE-2025-1097, -1098,
// -24514, -1974, CVE-2026-1580, -24512, -4342), of crossplane's writer, and what
// nginx's reader has special cases for.
var attacks = []string{
	`/;} location /pwn { return 200 PWNED; } #`, "/x\n} location /pwn { return 200 PWNED; }", `a"\'; } location /pwn { return 200 PWNED; } location /x { return 200 'y`,
	`/ { alias /var/run/secrets/; } location /y`, `http://x/;lua_code`, `x;\nssl_engine /proc/1/fd/1;`, `CN=x)}; ssl_engine ../../../x; #`,
	`uid"; } ssl_engine x; location /z { set $a "`, `http://example.com/#;load_module test;\n`, `x\`, `x\\`, `"`, `\"`, `'`, `$host`, `${host}`, `$`, `}`, `{`, `;`, `#`, `# x`,
	`"#`, "\x00", "\r\nX-Injected: 1", "\t", "a b", "~ ^/", "=/x", "@name", "^~ /", `~*.*`, "*.x", "~^(?<a>.*)$", "_", "", " ", "/", "//", "/../x", "/%2e%2e/x", "/%00", "/%0a", "/%24host", "/%22;", "/%",
	"unix:/var/run/docker.sock", "http://unix:/var/run/docker.sock:/", "http://169.254.169.254/", "https://x:80/a?b#c", "on;", "include /etc/passwd;", "perl_set $x 'sub { }';", "data:x", "é", "\xff\xfe", strings.Repeat("a", 300), strings.Repeat(`"`, 1990), strings.Repeat("x", 5000),
}

// words reads a configuration as nginx does (ngx_conf_read_token): its
// directives, each the words before its end, and false if it is not whole.
func words(conf string) (directives [][]string, ok bool) {
	var now []string
	depth := 0
	for i := 0; i < len(conf); {
		switch c := conf[i]; c {
		case ' ', '\t', '\r', '\n':
			i++
		case '#':
			for i < len(conf) && conf[i] != '\n' {
				i++
			}
		case ';', '{', '}':
			if c == '}' {
				depth--
			} else {
				directives = append(directives, now)
			}
			if c == '{' {
				depth++
			}
			now = nil
			i++
		default:
			word, n, whole := word(conf[i:])
			if !whole || depth < 0 {
				return nil, false
			}
			now = append(now, word)
			i += n
		}
	}
	return directives, depth == 0 && len(now) == 0
}

// word reads one word, and how long it is.
func word(s string) (text string, length int, whole bool) {
	var b strings.Builder
	end := " \t\r\n;{"
	i := 0
	quoted := s[0] == '"' || s[0] == '\''
	if quoted {
		end, i = s[:1], 1
	}
	for ; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
			if !strings.ContainsRune(`"'\`, rune(s[i])) {
				b.WriteByte('\\')
			}
			b.WriteByte(s[i])
		case strings.IndexByte(end, s[i]) >= 0:
			if quoted {
				i++
				return b.String(), i, i == len(s) || strings.IndexByte(" \t\r\n;{)", s[i]) >= 0
			}
			return b.String(), i, true
		default:
			b.WriteByte(s[i])
		}
	}
	return "", 0, false
}

// FuzzQuote: a value is refused, or is one word that means it.
func FuzzQuote(f *testing.F) {
	for _, a := range attacks {
		f.Add(a)
	}
	f.Fuzz(func(t *testing.T, s string) {
		q, err := quote(s)
		if err != nil {
			return
		}
		d, ok := words("x " + q + ";")
		if !ok || len(d) != 1 || len(d[0]) != 2 || d[0][1] != s {
			t.Errorf("%q is read as %q", q, d)
		}
		if len(q) >= 4096 || strings.ContainsAny(q, "$\x00\r\n") {
			t.Errorf("%q", q)
		}
	})
}

// strange is a table with the values in every place that takes one.
func strange(host, path, value string, n int64) plan.Table {
	l := to(host, path, netip.MustParseAddrPort("127.0.0.1:1"))
	l.Route = value
	l.Target.Options.Headers = spec.Headers{Request: map[string]string{"X-A": value, value: "x"}, Response: map[string]string{"X-B": value}}
	l.Target.Options.Body.Max, l.Target.Options.Body.Buffer = n, n
	l.Target.Options.Timeouts.Read = spec.Duration(n)
	plain := to(host, "/plain", netip.MustParseAddrPort("127.0.0.1:1"))
	plain.Target.Rewrite = value
	away := plan.Location{Host: "away.example", Path: path, Target: spec.Target{Redirect: &spec.Redirect{To: value, Code: 308, Keep: n%2 == 0}}}
	t := plan.Table{Locations: []plan.Location{l, plain, away}}
	t.Sort()
	return t
}

// fitting is the part of a table that can be written.
func fitting(t plan.Table) plan.Table {
	var out plan.Table
	for _, l := range t.Locations {
		if _, err := Render(goldenSettings, plan.Table{Locations: []plan.Location{l}}, 1); err == nil {
			out.Locations = append(out.Locations, l)
		}
	}
	return out
}

// FuzzRender: whatever is in a table, what is written has the directives that an
// innocent table has, and no others.
func FuzzRender(f *testing.F) {
	for _, a := range attacks {
		f.Add("a.example", "/x", a, int64(1))
		f.Add("a.example", a, "x", int64(2))
		f.Add(a, "/x", "/y", int64(0))
	}
	f.Fuzz(func(t *testing.T, host, path, value string, n int64) {
		table := fitting(strange(host, path, value, n))
		conf, err := Render(goldenSettings, table, 1)
		if err != nil {
			return
		}
		directives, ok := words(string(conf))
		if !ok {
			t.Fatalf("not whole:\n%s", conf)
		}
		for _, d := range directives {
			if len(d) == 0 || !known[d[0]] {
				t.Errorf("a directive %q in\n%s", d, conf)
			}
		}
	})
}

// known are the directives that may be written.
var known = func() map[string]bool {
	out := map[string]bool{}
	for _, name := range strings.Fields(`pid error_log worker_processes worker_rlimit_nofile worker_shutdown_timeout events worker_connections http
		default_type server_tokens client_body_temp_path proxy_temp_path fastcgi_temp_path uwsgi_temp_path scgi_temp_path access_log sendfile tcp_nodelay
		keepalive_timeout keepalive_requests keepalive_min_timeout server_names_hash_max_size server_names_hash_bucket_size uninitialized_variable_warn set
		proxy_headers_hash_max_size proxy_headers_hash_bucket_size client_header_timeout proxy_max_temp_file_size websocket
		large_client_header_buffers map default geo 127.0.0.1 proxy_http_version proxy_buffer_size proxy_buffers proxy_ignore_headers absolute_redirect
		proxy_next_upstream proxy_next_upstream_tries proxy_next_upstream_timeout upstream server keepalive listen server_name if return location add_header
		client_max_body_size client_body_buffer_size proxy_request_buffering proxy_buffering proxy_connect_timeout proxy_read_timeout proxy_send_timeout
		proxy_set_header proxy_hide_header proxy_pass`) {
		out[name] = true
	}
	// The keys of the maps.
	out[""], out[`~*^(?<havn_asked>[^ ]+) \k<havn_asked>(:[0-9]+)?$`] = true, true
	return out
}()

// TestAttacksOnNginx: the same tables, all in one, are taken by nginx itself.
func TestAttacksOnNginx(t *testing.T) {
	var all plan.Table
	taken := map[string]string{}
	for i, a := range attacks {
		for _, table := range []plan.Table{
			strange(fmt.Sprintf("h%d.example", i), "/x", a, 1), strange(fmt.Sprintf("p%d.example", i), a, "x", 2), strange(a, "/x", "/y", 0),
		} {
			for _, l := range fitting(table).Locations {
				if l.Host == "away.example" {
					l.Host = fmt.Sprintf("away%d.example", len(all.Locations))
				}
				if claim(l, taken) == nil {
					all.Locations = append(all.Locations, l)
				}
			}
		}
	}
	all.Sort()
	conf, err := Render(goldenSettings, all, 1)
	if err != nil {
		t.Fatal(err)
	}
	if len(all.Locations) < len(attacks) {
		t.Errorf("only %d locations are left to be judged", len(all.Locations))
	}
	if out, err := judge(t, goldenSettings.Dir, conf); err != nil {
		t.Errorf("nginx: %s", out)
	}
}

// TestNginxReadsAQuotedValueAsItIs: each value comes back from nginx.
func TestNginxReadsAQuotedValueAsItIs(t *testing.T) {
	r := newRig(t).start()
	var values []string
	for c := byte(0x20); c < 0x7f; c++ {
		for _, s := range []string{string(c), `a` + string(c), string(c) + `\`, string(c) + `"` + string(c)} {
			values = append(values, s)
		}
	}
	values = append(values, attacks...)
	next := generation{number: r.nextNumber(0)}
	conf, err := Render(r.settings(), next.table, next.number)
	if err != nil {
		t.Fatal(err)
	}
	e := &emitter{}
	e.block(func() {
		e.dir("listen", raw(r.addr))
		e.dir("server_name", raw("quoted.example"))
		for i, v := range values {
			if _, err := quote(v); err == nil {
				e.block(func() { e.dir("return", raw("200"), text(v)) }, "location", raw("="), text("/"+strconv.Itoa(i)))
			}
		}
	}, "server")
	edited := inHTTP(e.b.String())(string(conf))
	if err := save(r.Dir, &next, []byte(edited)); err != nil {
		t.Fatal(err)
	}
	if out, err := r.Process.Test(t.Context(), filepath.Join(r.Dir, genName(next.number), confFile)); err != nil {
		t.Fatalf("%s", firstProblem(out))
	}
	if err := r.switchTo(t.Context(), next, r.confirmed, 20*time.Second); err != nil {
		t.Fatal(err)
	}
	for i, v := range values {
		if _, err := quote(v); err != nil {
			continue
		}
		if a := r.get("quoted.example", "/"+strconv.Itoa(i)); a.status != 200 || a.body != v {
			t.Errorf("%q came back as %q (%d)", v, a.body, a.status)
		}
	}
	if _, err := os.Stat(filepath.Join(r.Dir, current)); err != nil {
		t.Error(err)
	}
}
