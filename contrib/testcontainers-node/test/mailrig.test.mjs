// Starts a container by Testcontainers, where a stand-in for the Docker daemon starts the real mailrig. It is what the variable MAILRIG_BINARY names.
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, rm, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { connect } from "node:tls";

import { MailrigContainer, doors } from "../dist/index.js";
import { startDaemon } from "./daemon.mjs";

const binary = process.env.MAILRIG_BINARY;
assert(binary, "MAILRIG_BINARY must name a mailrig");

let daemon;
before(async () => {
  daemon = await startDaemon(binary);
  process.env.DOCKER_HOST = daemon.host;
  process.env.TESTCONTAINERS_RYUK_DISABLED = "true"; // it would be another container
});
after(() => daemon.stop());

test("a container that is ready has every door", { timeout: 60_000 }, async () => {
  const rig = await new MailrigContainer("mailrig").withScenario("greylisting").withMailUser("alice", "a:b").withMailUser("bob", "c").withFlag("max-memory", "256MiB").start();
  assert.match(daemon.state.log, /greylisting/);
  assert.match(daemon.state.log, /256 MiB/);
  assert.deepEqual(rig.getUser(), { user: "alice", pass: "a:b" });
  const environment = rig.getEnvironment();
  for (const door of doors) {
    assert.equal(environment[`MAILRIG_PORT_${door}`], daemon.state.ports[`${door}/tcp`][0].HostPort);
  }
  const socket = connect({ ...rig.getAddress(465), servername: "localhost", ca: await rig.getCa() });
  await once(socket, "secureConnect");
  const [greeting] = await once(socket, "data");
  assert.match(greeting.toString(), /^220 /);
  socket.destroy();
  await rig.stop();
  assert(daemon.state.ended);
});

test("a container that ends at once isn't waited for", { timeout: 60_000 }, async () => {
  await assert.rejects(new MailrigContainer("mailrig").withScenario("graylisting").start(), /not received|not found|ended/);
  assert.match(daemon.state.log, /did you mean greylisting/);
});

test("values that no variable can hold are refused", () => {
  const container = new MailrigContainer("mailrig");
  for (const wrong of [
    () => container.withMailUser("a:b", "c"), () => container.withMailUser("", "c"), () => container.withMailUser("a", "b c"), () => container.withScenario(),
    () => container.withScenario("a,b"), () => container.withFlag("--user", "a:b"), () => container.withFlag("", "a"),
  ]) {
    assert.throws(wrong, /flag|user/);
  }
});

test("the example of docs/ci.md", { timeout: 60_000 }, async () => {
  const page = await readFile(new URL("../../../docs/ci.md", import.meta.url), "utf8");
  const code = /^```js\n(.*?)^```$/ms.exec(page)[1];
  const file = new URL("example.tmp.mjs", import.meta.url);
  await writeFile(file, code.replace('"mailrig-testcontainers"', '"../dist/index.js"'));
  try {
    await import(file);
  } finally {
    await rm(file);
  }
  assert.match(daemon.state.log, /Login +only alice/);
  assert(daemon.state.ended);
});
