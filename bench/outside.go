package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// process is a running "mailrig serve" that is driven from outside. Whichever commit it was built from, bench uses only
// its command line, its ports and its HTTP interface.
type process struct {
	*side
	cmd  *exec.Cmd
	http string
	took time.Duration // from exec until every door accepts
}

// startProcess runs a binary. frugal makes its garbage collector run often, so that memory measured from outside is
// what is held rather than what waits to be collected.
func startProcess(binary string, frugal bool, args ...string) (*process, error) {
	p := &process{cmd: exec.Command(binary, append([]string{"serve", "--json", "--port-offset", "random", "--http", "127.0.0.1:0"}, args...)...)}
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "MAILRIG_") && !strings.HasPrefix(v, "GOGC=") {
			p.cmd.Env = append(p.cmd.Env, v)
		}
	}
	if frugal {
		p.cmd.Env = append(p.cmd.Env, "GOGC=10")
	}
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadBytes('\n') // printed when all doors accept
	p.took = time.Since(began)
	var started struct {
		HTTP  string `json:"http"`
		Doors []struct {
			Port    int    `json:"port"`
			Address string `json:"address"`
		} `json:"doors"`
	}
	if err == nil {
		err = json.Unmarshal(line, &started)
	}
	if err != nil || len(started.Doors) == 0 {
		p.stop()
		return nil, fmt.Errorf("%s serve said %q: %w", binary, line, err)
	}
	p.http = started.HTTP
	p.side = &side{addr: map[int]string{}, close: p.stop, reset: func() error { return p.call("POST", "/api/v1/reset", "") }}
	for _, d := range started.Doors {
		if p.addr[d.Port] == "" { // the first one is IPv4
			p.addr[d.Port] = d.Address
		}
	}
	return p, nil
}

func (p *process) stop() {
	_ = p.cmd.Process.Signal(os.Interrupt)
	_ = p.cmd.Wait()
}

// call makes a request to the HTTP interface, and fails if it doesn't succeed.
func (p *process) call(method, path, body string) error {
	req, err := http.NewRequest(method, strings.TrimSuffix(p.http, "/")+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s: %s %s", method, path, resp.Status, text)
	}
	return nil
}

// memory returns how many bytes of the process's memory have no file behind them. Only Linux says.
func (p *process) memory() (float64, error) {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		return 0, err
	}
	for line := range bytes.Lines(status) {
		if rest, ok := bytes.CutPrefix(line, []byte("RssAnon:")); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(string(rest)), " kB"))
			return float64(kib) * 1024, err
		}
	}
	return 0, fmt.Errorf("this system doesn't tell how much memory a process has")
}
