package docker

// A fields is a struct of a spec.
type fields = map[string]any

// A row is one field of the schema with values that are no defaults, and what they do.
type row struct {
	// values are tried in each surrounding of the entry; the first one's effect is
	// looked for in the plain one.
	values []any
	// with is what else the entry needs to have the field.
	with fields
	// in names the view in which the effect is, and says a part of it: "docker",
	// "nginx", "probe" or "plan". Of a field that decides which host has the entry it is
	// "on", of a name "label", of one that the entry can't be without "entry".
	in, says string
	// plain names the surrounding to look for the effect in, if it is not "plain".
	plain string
}

func one(value any, in, says string) row { return row{values: []any{value}, in: in, says: says} }

func (r row) needing(with fields) row {
	r.with = with
	return r
}

func (r row) inside(plain string) row {
	r.plain = plain
	return r
}

func (r row) or(values ...any) row {
	r.values = append(r.values, values...)
	return r
}

var (
	httpCheck = fields{"health": fields{"http": fields{"path": "/healthz"}}}
	file      = fields{"files": fields{"/etc/app.conf": fields{"content": "a"}}}
	udp       = fields{"ports": fields{"dns": fields{"port": 53}}}
	mounted   = fields{"volumes": fields{"/data": fields{"volume": "VOLUME"}}}
)

// serviceRows are the fields of #Service.
var serviceRows = map[string]row{
	"name":                     one("NAME", "label", ""),
	"on.hosts":                 one([]any{"elsewhere"}, "on", ""),
	"on.labels.*":              one("elsewhere", "on", ""),
	"image":                    one("other:2", "plan", "do pull other:2"),
	"pull":                     one("always", "plan", "do pull").or("never"),
	"replicas":                 one(2, "plan", "2 wanted").or(0),
	"command":                  one([]any{"serve", "-v"}, "docker", `"Cmd": [`).or([]any{""}),
	"entrypoint":               one([]any{"/bin/app"}, "docker", `"Entrypoint": [`),
	"user":                     one("1000", "docker", `"User": "1000"`),
	"workdir":                  one("/srv", "docker", `"WorkingDir": "/srv"`).or("/"),
	"init":                     one(false, "docker", `"Init": false`),
	"hostname":                 one("mail", "docker", `"Hostname": "mail"`),
	"env.*":                    one("1", "docker", `"x=1"`).or("", 5, true),
	"files.*.content":          one("b", "docker", `"Target": "/x"`).or(""),
	"files.*.mode":             one("0400", "docker", "-0400").needing(fields{"files": fields{"/x": fields{"content": "a"}}}).or("0000"),
	"port":                     one(9000, "docker", `"9000/tcp": {}`),
	"ports.*":                  one(9100, "docker", `"9100/tcp": {}`),
	"ports.*.port":             one(9100, "docker", `"9100/tcp": {}`),
	"ports.*.protocol":         one("udp", "docker", `"9100/udp": {}`).needing(fields{"ports": fields{"x": fields{"port": 9100}}}),
	"ports.*.host":             one("127.0.0.1:PORT", "docker", `"HostIp": "127.0.0.1"`).needing(fields{"ports": fields{"x": fields{"port": 9100}}}),
	"volumes.*":                one("VOLUME", "docker", `"Type": "volume"`),
	"volumes.*.volume":         one("VOLUME", "docker", `"Type": "volume"`),
	"volumes.*.readOnly":       one(true, "docker", `"ReadOnly": true`).needing(fields{"volumes": fields{"/x": fields{"volume": "VOLUME"}}}),
	"volumes.*.shared":         one(true, "plan", "do start x-FRESH-1").needing(fields{"volumes": fields{"/x": fields{"volume": "VOLUME"}}}),
	"binds.*":                  one("BIND", "docker", `"Type": "bind"`),
	"resources.cpus":           one(0.5, "docker", `"NanoCpus": 500000000`),
	"resources.memory":         one("64m", "docker", `"Memory": 67108864`).or(67108864),
	"resources.pids":           one(64, "docker", `"PidsLimit": 64`),
	"health.http.path":         one("/healthz", "probe", `"path": "/healthz"`).or("/healthz?a=b"),
	"health.http.port":         one(8081, "probe", `"port": 8081`).needing(httpCheck),
	"health.http.host":         one("api.example.no", "probe", `"host": "api.example.no"`).needing(httpCheck),
	"health.http.headers.*":    one("y", "probe", `"x": "y"`).needing(httpCheck).or(""),
	"health.http.status":       one(204, "probe", "204").needing(httpCheck).or("200-299"),
	"health.tcp.port":          one(8081, "probe", `"port": 8081`),
	"health.exec.command":      one([]any{"/check"}, "docker", `"CMD"`),
	"health.image":             one(true, "probe", ""),
	"health.interval":          one("7s", "probe", `"interval": "7s"`),
	"health.timeout":           one("7s", "probe", `"timeout": "7s"`),
	"health.successes":         one(2, "probe", `"successes": 2`),
	"health.failures":          one(5, "probe", `"failures": 5`),
	"health.startPeriod":       one("7s", "probe", `"startPeriod": "7s"`),
	"health.settle":            one("7s", "probe", `"settle": "7s"`).or("0s").inside("without a port"),
	"rollout.strategy":         one("bluegreen", "plan", "do start x-FRESH-2").or("recreate").needing(fields{"replicas": 2}),
	"rollout.surge":            one(2, "plan", "do start x-FRESH-2").needing(fields{"replicas": 2}),
	"rollout.watch":            one("33s", "plan", "wait for watch until 31s").or("0s"),
	"rollout.drain":            one("44s", "plan", "wait for drain until 43s").or("0s"),
	"rollout.pullDeadline":     one("7m", "plan", "within 7m0s"),
	"rollout.healthyDeadline":  one("55s", "plan", "wait for ready until 25s"),
	"rollout.progressDeadline": one("2m", "plan", "no progress for 2m0s"),
	"rollout.onFailure":        one("hold", "plan", "blocked"),
	"stop.signal":              one("SIGQUIT", "docker", `"StopSignal": "SIGQUIT"`).or("SIGKILL"),
	"stop.grace":               one("22s", "docker", `"StopTimeout": 22`).or("0s"),
	"needs":                    one([]any{"web"}, "plan", "waits for web"),
	"log.maxSize":              one("1m", "docker", `"max-size": "1048576"`),
	"log.maxFiles":             one(7, "docker", `"max-file": "7"`).or(1),
	"security.readOnlyRoot":    one(true, "docker", `"ReadonlyRootfs": true`),
	"security.capAdd":          one([]any{"NET_ADMIN"}, "docker", `NET_ADMIN"`),
	"security.capDrop":         one([]any{"ALL"}, "docker", `"ALL"`),
	"security.tmpfs.*":         one("1m", "docker", "size=1048576"),
	"labels.*":                 one("y", "docker", `"x": "y"`).or(""),
}

// volumeRows are the fields of #Volume.
var volumeRows = map[string]row{
	"name":     one("NAME", "label", ""),
	"labels.*": one("y", "entry", ""),
}

// optionRows are the fields of #Options, of a route and of a path.
var optionRows = map[string]row{
	"upstream.keepalive":   one(7, "nginx", "keepalive 7;").or(0),
	"upstream.idleTimeout": one("7s", "nginx", "keepalive_timeout 7000ms;"),
	"body.max":             one("9m", "nginx", "client_max_body_size 9437184;").or(0),
	"body.buffer":          one("9k", "nginx", "client_body_buffer_size 9216;"),
	"body.buffering":       one(false, "nginx", "proxy_request_buffering off;"),
	"timeouts.connect":     one("7s", "nginx", "proxy_connect_timeout 7000ms;"),
	"timeouts.read":        one("7s", "nginx", "proxy_read_timeout 7000ms;"),
	"timeouts.send":        one("7s", "nginx", "proxy_send_timeout 7000ms;"),
	"buffering":            one(false, "nginx", "proxy_buffering off;"),
	"websocket":            one(false, "nginx", ""),
	"requestId":            one(true, "nginx", "proxy_set_header X-Request-ID $request_id;"),
	"headers.request.*":    one("y", "nginx", `proxy_set_header x "y";`).or(""),
	"headers.response.*":   one("y", "nginx", `add_header x "y" always;`).or(""),
}

// targetRows are the other fields of #Target.
var targetRows = map[string]row{
	"service":       one("web", "entry", ""),
	"port":          one("admin", "nginx", ":9100"),
	"strip":         one(true, "nginx", `/";`),
	"rewrite":       one("/new", "nginx", "/new"),
	"redirect.to":   one("https://example.no/new", "nginx", `return 308 "https://example.no/new"`),
	"redirect.code": one(301, "nginx", "return 301").needing(fields{"redirect": fields{"to": "/new"}}),
	"redirect.keep": one(true, "nginx", "$havn_rest").needing(fields{"redirect": fields{"to": "/new"}}),
}

// routeRows are the other fields of #Route.
var routeRows = map[string]row{
	"name":        one("NAME", "label", ""),
	"on.hosts":    one([]any{"elsewhere"}, "on", ""),
	"on.labels.*": one("elsewhere", "on", ""),
	"hosts":       one([]any{"other-HOST"}, "nginx", `server_name "other-`),
}

// surroundings are services in which each field is tried.
var serviceSurroundings = map[string]fields{
	"plain":               {"image": "i:1", "port": 80},
	"without a port":      {"image": "i:1"},
	"http":                {"image": "i:1", "port": 80, "health": fields{"http": fields{"path": "/"}}},
	"tcp":                 {"image": "i:1", "port": 80, "health": fields{"tcp": fields{"port": 80}}},
	"exec":                {"image": "i:1", "port": 80, "health": fields{"exec": fields{"command": []any{"/c"}}}},
	"image":               {"image": "i:1", "port": 80, "health": fields{"image": true}},
	"image without port":  {"image": "i:1", "health": fields{"image": true}},
	"recreate":            {"image": "i:1", "port": 80, "rollout": fields{"strategy": "recreate"}},
	"bluegreen":           {"image": "i:1", "port": 80, "replicas": 2, "rollout": fields{"strategy": "bluegreen"}},
	"one writer":          {"image": "i:1", "port": 80, "volumes": fields{"/data": "VOLUME"}},
	"a published port":    {"image": "i:1", "port": 80, "ports": fields{"p": fields{"port": 81, "host": "127.0.0.1:PORT"}}},
	"never pulled":        {"image": "i:1", "port": 80, "pull": "never"},
	"always pulled":       {"image": "i:1", "port": 80, "pull": "always"},
	"killed":              {"image": "i:1", "port": 80, "stop": fields{"signal": "SIGKILL"}},
	"held":                {"image": "i:1", "port": 80, "rollout": fields{"onFailure": "hold"}},
	"a read-only volume":  {"image": "i:1", "port": 80, "volumes": fields{"/x": fields{"volume": "VOLUME", "readOnly": true}}},
	"every capability":    {"image": "i:1", "port": 80, "security": fields{"capAdd": []any{"ALL"}}},
	"a read-only root":    {"image": "i:1", "port": 80, "security": fields{"readOnlyRoot": true, "capDrop": []any{"ALL"}}},
	"a file at each path": {"image": "i:1", "port": 80, "files": fields{"/srv": fields{"content": "a"}, "/data": fields{"content": "b"}}},
}

// targetSurroundings are paths of a route in which each field is tried.
var targetSurroundings = map[string]struct {
	path   string
	target fields
}{
	"a service":             {"/a", fields{"service": "web"}},
	"everything":            {"/", fields{"service": "web"}},
	"one path":              {"=/a", fields{"service": "web"}},
	"a stripped path":       {"/a", fields{"service": "web", "strip": true}},
	"a rewritten path":      {"/a", fields{"service": "web", "rewrite": "/b"}},
	"503":                   {"/a", fields{"service": "off"}},
	"a redirect":            {"/a", fields{"redirect": fields{"to": "/b"}}},
	"a redirect that keeps": {"/a", fields{"redirect": fields{"to": "/b", "keep": true}}},
	"no pool":               {"/a", fields{"service": "web", "upstream": fields{"keepalive": 0}}},
}
