package spec

import (
	"fmt"
	"strings"

	"cuelang.org/go/cue"
)

// A habit is a field of another tool, such as Compose or Kubernetes, for which havn has
// another field, or none.
type habit struct {
	// place is where it stands, as placeOf says it, and names what it is called there.
	place, names string
	// meant is the field that says the same, "" if there is none.
	meant string
	do    string
}

var habits = []habit{
	{"service", "environment environ env_vars variables", "env", `write env: {NODE_ENV: "production"}`},
	{"service", "env_file envFile envFrom", "env", `write env: {NODE_ENV: "production"}; files of variables are not read`},
	{"service", "healthcheck healthCheck health_check livenessProbe readinessProbe startupProbe check checks", "health", `write health: http: path: "/healthz"`},
	{"service", "depends_on dependsOn links after requires", "needs", `write needs: ["db"]`},
	{"service", "restart restartPolicy restart_policy", "", "remove it: replicas are always restarted"},
	{"service", "container_name containerName", "", "remove it: the service's name is its label"},
	{"service", "build dockerfile context", "image", `write image: "ghcr.io/acme/web:1.4.2"; images are built elsewhere`},
	{"service", "expose containerPort container_port targetPort internal_port listen", "port", "write port: 8080"},
	{"service", "publish published hostPort nodePort", "ports", `write ports: admin: {port: 9000, host: "127.0.0.1:9000"}`},
	{"service", "network networks network_mode networkMode hostNetwork dns extra_hosts", "", "remove it: the services of a site share one network, where each is reached by its name"},
	{"service", "deploy", "", `write replicas: 2, resources: {cpus: 0.5, memory: "256m"} and rollout: strategy: "rolling"`},
	{"service", "instances count scale replica_count", "replicas", "write replicas: 2"},
	{"service", "cpus cpu cpu_limit cpu_quota", "resources", "write resources: cpus: 0.5"},
	{"service", "mem_limit memory mem memory_limit mem_reservation", "resources", `write resources: memory: "256m"`},
	{"service", "pids_limit pidsLimit", "resources", "write resources: pids: 256"},
	{"service", "limits requests", "resources", `write resources: {cpus: 0.5, memory: "256m"}`},
	{"service", "containers spec template metadata kind apiVersion selector", "", `write {image: "web:1", port: 8080}: a service is one container image and its replicas`},
	{"service", "args cmd run", "command", `write command: ["serve", "--port", "8080"]`},
	{"service", "working_dir workingDir cwd directory", "workdir", `write workdir: "/srv"`},
	{"service", "volume mounts volumeMounts mount", "volumes", `write volumes: "/data": "NAME"`},
	{"service", "tmpfs", "security", `write security: tmpfs: "/tmp": "64m"`},
	{"service", "read_only readOnly readOnlyRootFilesystem", "security", "write security: readOnlyRoot: true"},
	{"service", "cap_add capAdd capabilities", "security", `write security: capAdd: ["NET_BIND_SERVICE"]`},
	{"service", "cap_drop capDrop", "security", `write security: capDrop: ["ALL"]`},
	{"service", "privileged devices security_opt securityContext", "", `write security: capAdd: ["NAME"] for a capability; privileged replicas and devices are not supported`},
	{"service", "stop_grace_period terminationGracePeriodSeconds stop_timeout", "stop", `write stop: grace: "30s"`},
	{"service", "stop_signal stopSignal", "stop", `write stop: signal: "SIGQUIT"`},
	{"service", "logging logs", "log", `write log: {maxSize: "10m", maxFiles: 3}`},
	{"service", "config configs configMap", "files", `write files: "/etc/app.conf": content: "..."`},
	{"service", "secrets secret", "", "remove it: secrets come with a later version; env and files can be read back from Docker"},
	{"service", "annotations", "labels", `write labels: "org.example.team": "web"`},
	{"service", "pull_policy pullPolicy imagePullPolicy", "pull", `write pull: "always"`},
	{"service", "route routes domain domains hosts host ingress paths", "", `write routes: NAME: {hosts: ["example.no"], paths: "/": service: "NAME"}, beside services`},
	{"service", "strategy update_config updateStrategy deployment", "rollout", `write rollout: strategy: "rolling"`},
	{"service", "ulimits sysctls shm_size shmSize tty stdin_open profiles platform runtime", "", "remove it: it is not supported"},

	{"service.health", "path url endpoint httpGet", "http", `write http: path: "/healthz"`},
	{"service.health", "tcpSocket port", "tcp", "write tcp: port: 8080"},
	{"service.health", "test command cmd", "exec", `write exec: command: ["/bin/check"]`},
	{"service.health", "retries failureThreshold unhealthy_threshold max_failures", "failures", "write failures: 3"},
	{"service.health", "successThreshold healthy_threshold", "successes", "write successes: 1"},
	{"service.health", "start_period initialDelaySeconds initial_delay grace_period delay", "startPeriod", `write startPeriod: "10s"`},
	{"service.health", "periodSeconds period every", "interval", `write interval: "2s"`},
	{"service.health", "timeoutSeconds", "timeout", `write timeout: "2s"`},
	{"service.health", "disable disabled", "", "remove `health`: without it a TCP connection to `port` is the check"},
	{"service.health.http", "httpHeaders", "headers", `write headers: "X-Probe": "yes"`},
	{"service.health.http", "expect codes code expected_status", "status", `write status: "200-299"`},
	{"service.resources", "limits requests reservations", "", `write {cpus: 0.5, memory: "256m"}: there is one limit of each`},
	{"service.resources", "cpu cpu_limit", "cpus", "write cpus: 0.5"},
	{"service.resources", "mem ram mem_limit memoryLimit", "memory", `write memory: "256m"`},
	{"service.ports.*", "target containerPort internal", "port", "write port: 9000"},
	{"service.ports.*", "published hostPort host_ip hostIP public external", "host", `write host: "127.0.0.1:9000"`},
	{"service.volumes.*", "source name src", "volume", `write volume: "NAME"`},
	{"service.volumes.*", "read_only ro", "readOnly", "write readOnly: true"},
	{"service.volumes.*", "target type path", "", `write volumes: "/data": {volume: "NAME"}: the path is the field's name`},
	{"service.files.*", "source text data", "content", `write content: "..."`},
	{"service.files.*", "permissions perm", "mode", `write mode: "0444"`},
	{"service.rollout", "maxSurge max_surge parallelism", "surge", "write surge: 1"},
	{"service.rollout", "failure_action", "onFailure", `write onFailure: "rollback"`},
	{"service.rollout", "monitor", "watch", `write watch: "10s"`},
	{"service.rollout", "order maxUnavailable max_unavailable", "strategy", `write strategy: "rolling": fresh replicas start before stale ones stop`},
	{"service.stop", "timeout grace_period gracePeriod", "grace", `write grace: "30s"`},
	{"service.log", "max_size max-size", "maxSize", `write maxSize: "10m"`},
	{"service.log", "max_file max-file", "maxFiles", "write maxFiles: 3"},
	{"service.log", "driver options", "", `write log: {maxSize: "10m", maxFiles: 3}: the driver is Docker's local`},

	{"route", "host domain domains hostname hostnames server_name", "hosts", `write hosts: ["example.no"]`},
	{"route", "path service backend to rules locations", "paths", `write paths: "/": service: "NAME"`},
	{"route", "redirect rewrite strip port", "paths", `write it at the path, such as paths: "/old": redirect: to: "/new"`},
	{"route", "tls ssl https cert certificate", "", "remove it: TLS comes with a later version"},
	{"route", "timeout", "timeouts", `write timeouts: read: "60s"`},
	{"route.paths.*", "backend to proxy proxy_pass upstreamService", "service", `write service: "NAME"`},
	{"route.paths.*", "stripPrefix strip_prefix stripPath", "strip", "write strip: true"},
	{"route.paths.*", "timeout", "timeouts", `write timeouts: read: "60s"`},
	{"route.paths.*.body", "size limit max_size maxSize", "max", `write max: "8m"`},
	{"volume", "driver driver_opts external type size", "", "remove it: volumes are local ones of Docker's"},
	{"", "version name", "", "remove it"},
	{"", "networks", "", "remove it: the services of a site share one network"},
	{"", "secrets configs", "", `write files in the service: services: NAME: files: "/etc/app.conf": content: "..."`},
}

// habitOf is what to do about a field that another tool has, "" if none is known.
func habitOf(place, name string) string {
	if strings.HasPrefix(place, "route.") && strings.HasSuffix(place, ".headers") {
		return fmt.Sprintf("write request: {%[1]s: \"...\"} for the way to the service, response: {%[1]s: \"...\"} for the way back", fieldName(name))
	}
	for _, h := range habits {
		if h.place != place || !strings.Contains(" "+h.names+" ", " "+name+" ") {
			continue
		}
		if h.meant == "" {
			return h.do
		}
		return didYouMean(h.meant) + " " + h.do
	}
	return ""
}

// habitOfValue is what to write for a value as other tools have it, "" if none is known.
func habitOfValue(place string, v cue.Value, d datum) string {
	text := firstOf(v, d)
	switch place {
	case "service.ports":
		if d.kind != cue.StructKind {
			return asPort(text)
		}
	case "service.ports.*":
		if d.kind == cue.StringKind {
			return asPort(text)
		}
	case "service.volumes", "service.binds":
		if d.kind != cue.StructKind {
			return asMount(text)
		}
	case "service.env", "service.labels":
		if name, value, is := strings.Cut(text, "="); is && d.kind == cue.ListKind {
			return fmt.Sprintf("write {%s: %q}", fieldName(name), value)
		}
		if d.kind == cue.ListKind {
			return `write {NAME: "value"}`
		}
	case "service.volumes.*":
		if strings.HasPrefix(text, "/") && d.kind == cue.StringKind {
			return `write binds: "/in/the/container": "/on/the/machine" for a directory of the machine`
		}
	case "route.paths.*.port":
		return `write the name of one of the service's ` + "`ports`" + `, or remove it: requests go to its ` + "`port`"
	case "route.paths":
		return `write {"/": service: "NAME"}`
	case "service.files.*.mode":
		return "write the digits in quotes, such as \"0444\""
	case "service.command", "service.entrypoint", "service.health.exec.command":
		if d.kind == cue.StringKind {
			return "write " + asCommand(text)
		}
	}
	if d.kind == cue.StringKind {
		return shorthand(place, text)
	}
	return ""
}

// habitOfName is what to write for the name of an entry as other tools have it, "" if
// none is known.
func habitOfName(place, name string, v cue.Value) string {
	to, _ := v.String()
	if (place == "service.volumes" || place == "service.binds") && strings.HasPrefix(to, "/") {
		return asMount(name + ":" + to)
	}
	return ""
}

// shorthand is the struct that a text stands for in place of it.
func shorthand(place, text string) string {
	if place == "route.paths.*" && strings.Contains(text, "/") {
		return fmt.Sprintf("write {redirect: to: %q}", cut(text, longText))
	}
	for at, field := range map[string]string{
		"service.health": "http: path", "service.files.*": "content", "service.rollout": "strategy", "service.stop": "signal",
		"route.timeouts": "read", "route.paths.*.timeouts": "read", "route.body": "max", "route.paths.*.body": "max",
		"route.paths.*": "service", "route.paths.*.redirect": "to", "service.resources": "memory", "service.health.http": "path",
	} {
		if place == at {
			return fmt.Sprintf("write {%s: %q}", field, cut(text, longText))
		}
	}
	return ""
}

// fieldName is a name as it stands before a colon.
func fieldName(name string) string { return pathText([]string{name}) }
