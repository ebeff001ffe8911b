// Command replica is what the containers of the tests run. Its first argument
// says how it behaves.
package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"
)

// A Report is what a replica says of itself.
type Report struct {
	Args          []string
	Env           []string
	Hostname      string
	Workdir       string
	UID, GID, PID int
}

func main() {
	if len(os.Args) < 2 {
		os.Args = append(os.Args, "serve")
	}
	switch os.Args[1] {
	case "serve":
		serve()
	case "exit":
		fmt.Println("going to exit")
		code, _ := strconv.Atoi(os.Args[2])
		os.Exit(code)
	case "check":
		if _, err := os.Stat(os.Args[2]); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	case "hog":
		for held := [][]byte{}; ; {
			block := make([]byte, 1<<20)
			for i := range block {
				block[i] = 1
			}
			held = append(held, block)
		}
	case "deaf":
		signal.Ignore(syscall.SIGTERM)
		fmt.Println("deaf")
		time.Sleep(time.Hour)
	}
}

// serve answers every request with a report, keeps what it is sent, and ends with
// the number of the signal that ended it as its exit code.
func serve() {
	ended := make(chan os.Signal, 1)
	signal.Notify(ended, syscall.SIGTERM, syscall.SIGINT, syscall.SIGUSR1)
	port := os.Getenv("PORT")
	if port == "" {
		port = "8080"
	}
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		fmt.Println(err)
		os.Exit(3)
	}
	fmt.Println("ready")
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(report()) })
	http.HandleFunc("/read", func(w http.ResponseWriter, r *http.Request) {
		text, err := os.ReadFile(r.FormValue("path"))
		answer(w, string(text), err)
	})
	http.HandleFunc("/write", func(w http.ResponseWriter, r *http.Request) {
		answer(w, "written", os.WriteFile(r.FormValue("path"), []byte(r.FormValue("text")), 0o644))
	})
	http.HandleFunc("/find", func(w http.ResponseWriter, r *http.Request) {
		found, err := net.LookupHost(r.FormValue("host"))
		answer(w, fmt.Sprint(found), err)
	})
	http.HandleFunc("/say", func(w http.ResponseWriter, r *http.Request) {
		to := os.Stdout
		if r.FormValue("stream") == "stderr" {
			to = os.Stderr
		}
		_, err := to.WriteString(r.FormValue("text"))
		answer(w, "said", err)
	})
	http.HandleFunc("/exit", func(_ http.ResponseWriter, r *http.Request) {
		code, _ := strconv.Atoi(r.FormValue("code"))
		os.Exit(code)
	})
	go func() { _ = http.Serve(listener, nil) }()
	s := (<-ended).(syscall.Signal)
	fmt.Println("got", s)
	os.Exit(int(s))
}

func answer(w http.ResponseWriter, text string, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusConflict)
		return
	}
	fmt.Fprint(w, text)
}

func report() Report {
	host, _ := os.Hostname()
	dir, _ := os.Getwd()
	return Report{Args: os.Args[1:], Env: os.Environ(), Hostname: host, Workdir: dir, UID: os.Getuid(), GID: os.Getgid(), PID: os.Getpid()}
}
