/**
 * mailrig in a container, by Testcontainers.
 *
 * The image is what "docker build -t mailrig ." makes of mailrig's repository.
 *
 *     const rig = await new MailrigContainer("mailrig").withScenario("greylisting").start();
 *     const { host, port } = rig.getAddress(587);
 */
import { AbstractStartedContainer, GenericContainer, Wait, type StartedTestContainer } from "testcontainers";

/** A door of mailrig, by its standard port. */
export type Door = 25 | 2525 | 587 | 465 | 110 | 995 | 143 | 993;

export const doors: readonly Door[] = [25, 2525, 587, 465, 110, 995, 143, 993];

const httpPort = 8025;

export class MailrigContainer extends GenericContainer {
  private readonly flags = new Map<string, string[]>();

  constructor(image: string) {
    super(image);
    this.withExposedPorts(...doors, httpPort);
    // The first line of the log, which mailrig prints when every door accepts connections. /readyz would do where the
    // Docker host is localhost or an address, but mailrig refuses requests whose Host isn't its own.
    this.withWaitStrategy(Wait.forLogMessage(/^mailrig .* is ready$/));
  }

  /** Misbehave as these scenarios of the catalogue say. */
  withScenario(...names: string[]): this {
    return this.withFlag("scenario", ...names);
  }

  /** Let only this user log in, and others that are given in the same way. Without it anybody may, with any password. */
  withMailUser(name: string, password: string): this {
    if (name === "" || name.includes(":") || password === "") {
      throw new Error(`the user ${JSON.stringify(name)} can't be given: name and password may not be empty, and the name can't have a colon`);
    }
    return this.withFlag("user", `${name}:${password}`);
  }

  /** Offer these ways to log in, in the words of --auth: plain, strong, tokens, all, or mechanisms such as 143:CRAM-MD5. */
  withAuth(...ways: string[]): this {
    return this.withFlag("auth", ...ways);
  }

  /** Add names to the certificate, and to those by which the API may be called: a network alias, or the Docker host's name. */
  withMailHostname(...names: string[]): this {
    return this.withFlag("hostname", ...names);
  }

  /** Give any flag of "mailrig serve" values: withFlag("max-memory", "256MiB"). */
  withFlag(flag: string, ...values: string[]): this {
    if (!/^[a-z]+(-[a-z]+)*$/.test(flag)) {
      throw new Error(`${JSON.stringify(flag)} isn't a flag of mailrig; give its name without the dashes in front`);
    }
    if (values.length === 0) {
      throw new Error(`no value for the flag ${flag}`);
    }
    for (const value of values) {
      if (value === "" || /[\s,\0]/.test(value)) {
        throw new Error(`the value ${JSON.stringify(value)} of the flag ${flag} is empty, or has a space or a comma, which a variable can't hold`);
      }
    }
    const all = [...(this.flags.get(flag) ?? []), ...values];
    this.flags.set(flag, all);
    return this.withEnvironment({ [`MAILRIG_${flag.toUpperCase().replaceAll("-", "_")}`]: all.join(" ") });
  }

  override async start(): Promise<StartedMailrigContainer> {
    const [user] = this.flags.get("user") ?? ["alice@example.test:secret"];
    return new StartedMailrigContainer(await super.start(), user ?? "");
  }
}

export class StartedMailrigContainer extends AbstractStartedContainer {
  constructor(
    container: StartedTestContainer,
    private readonly login: string,
  ) {
    super(container);
  }

  /** Where a door listens, for the tests. */
  getAddress(door: Door): { host: string; port: number } {
    return { host: this.getHost(), port: this.getMappedPort(door) };
  }

  /** The base of the page's and the API's URLs. */
  getUrl(): string {
    return `http://${this.getHost()}:${this.getMappedPort(httpPort)}`;
  }

  /** The name and the password with which to log in. */
  getUser(): { user: string; pass: string } {
    const colon = this.login.indexOf(":");
    return { user: this.login.slice(0, colon), pass: this.login.slice(colon + 1) };
  }

  /** The certificate of the rig's CA, in PEM form. It fits the name localhost. */
  async getCa(): Promise<string> {
    const answer = await fetch(`${this.getUrl()}/ca.pem`);
    const text = await answer.text();
    if (!answer.ok) {
      throw new Error(`mailrig doesn't give its CA: ${answer.status}: ${text}`);
    }
    return text;
  }

  /** The variables that "mailrig run" gives a command, for a program that a test starts. MAILRIG_CA_FILE isn't among them. */
  getEnvironment(): Record<string, string> {
    const { user, pass } = this.getUser();
    const environment: Record<string, string> = {
      MAILRIG_HOST: this.getHost(),
      MAILRIG_HTTP: this.getUrl(),
      MAILRIG_USER: user,
      MAILRIG_PASSWORD: pass,
    };
    for (const door of doors) {
      environment[`MAILRIG_PORT_${door}`] = String(this.getMappedPort(door));
    }
    return environment;
  }
}
