// A stand-in for the Docker daemon, with the calls that Testcontainers makes for one container. The container is a mailrig on this
// machine, with the container's variables and on free ports.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";

export async function startDaemon(binary) {
  const state = { env: [], log: "", ended: false, ports: {} }; // of the container that was created last
  let child;
  const logs = new Set(); // answers that follow the log
  // In the log of a container without a terminal, a head with the length is before each piece.
  const frame = (text) => {
    const bytes = Buffer.from(text);
    const head = Buffer.alloc(8);
    head[0] = 1;
    head.writeUInt32BE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const run = () => {
    child = spawn(binary, [], { env: { ...Object.fromEntries(state.env.map((v) => [v.slice(0, v.indexOf("=")), v.slice(v.indexOf("=") + 1)])), MAILRIG_PORT_OFFSET: "random", MAILRIG_HTTP: "127.0.0.1:0" } });
    const hear = (piece) => {
      state.log += piece;
      for (const answer of logs) answer.write(frame(piece));
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("close", () => {
      state.ended = true;
      for (const answer of logs) answer.end();
    });
  };
  // Docker knows the ports when the container starts; here mailrig's table must come first.
  const known = async () => {
    while (!state.ended && !state.log.includes("Ctrl-C stops")) await new Promise((done) => setTimeout(done, 20));
    for (const line of state.log.split("\n")) {
      const door = /^(\d+) .* 127\.0\.0\.1:(\d+)/.exec(line);
      if (door) state.ports[`${door[1]}/tcp`] = [{ HostIp: "127.0.0.1", HostPort: door[2] }];
      const page = /^Web page .*:(\d+)$/.exec(line);
      if (page) state.ports["8025/tcp"] = [{ HostIp: "127.0.0.1", HostPort: page[1] }];
    }
  };
  const inspect = () => ({
    Id: "c0ffee", Name: "/mailrig", Config: { Hostname: "c0ffee", Labels: {}, Env: state.env, Tty: false },
    State: { Status: state.ended ? "exited" : "running", Running: !state.ended, StartedAt: "2026-01-01T00:00:00Z", FinishedAt: "0001-01-01T00:00:00Z" },
    HostConfig: { PortBindings: {} }, NetworkSettings: { Ports: state.ports, Networks: { bridge: { NetworkID: "b", IPAddress: "172.17.0.2" } } },
  });
  const server = createServer(async (request, answer) => {
    let body = "";
    for await (const piece of request) body += piece;
    const call = `${request.method} ${request.url.replace(/^\/v[\d.]+/, "").replace(/\?.*/, "")}`;
    const json = (status, value) => answer.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
    switch (call) {
      case "GET /_ping": return answer.end("OK");
      case "GET /info": return json(200, { ServerVersion: "28", OperatingSystem: "Linux", OSType: "linux", Architecture: "x86_64", NCPU: 1, MemTotal: 1 });
      case "GET /containers/json": return json(200, []);
      case "GET /images/mailrig:latest/json": return json(200, { Id: "sha256:0", RepoTags: ["mailrig:latest"] });
      case "POST /containers/create":
        Object.assign(state, { env: JSON.parse(body).Env, log: "", ended: false, ports: {} });
        return json(201, { Id: "c0ffee", Warnings: [] });
      case "POST /containers/c0ffee/start":
        run();
        return answer.writeHead(204).end();
      case "GET /containers/c0ffee/json":
        await known();
        return json(200, inspect());
      case "GET /containers/c0ffee/logs":
        answer.writeHead(200, { "Content-Type": "application/vnd.docker.multiplexed-stream" }).flushHeaders();
        answer.write(frame(state.log));
        if (state.ended) return answer.end();
        logs.add(answer);
        return answer.on("close", () => logs.delete(answer));
      case "POST /containers/c0ffee/stop":
      case "DELETE /containers/c0ffee":
        if (!state.ended) {
          child.kill("SIGINT");
          await once(child, "close");
        }
        return answer.writeHead(204).end();
      default: return json(404, { message: `this stand-in can't ${call}` });
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return { state, host: `tcp://127.0.0.1:${server.address().port}`, stop: () => { server.closeAllConnections(); server.close(); if (child && !state.ended) child.kill("SIGKILL"); } };
}
