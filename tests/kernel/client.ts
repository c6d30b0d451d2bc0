/**
 * A Jupyter client for tests and benchmarks: starts the built kernel, or another one, asks it, and collects what it
 * says, message by message.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Dealer, Request, Subscriber } from "zeromq";
import { address, type Channel, readConnectionFile } from "../../kernel/protocol/connection.js";
import type { JsonObject, Message, MimeBundle } from "../../kernel/protocol/messages.js";
import { DELIMITER, Wire } from "../../kernel/protocol/wire.js";

export const KERNEL_ENTRY = fileURLToPath(new URL("../../dist/kernel/main.cjs", import.meta.url));

export interface KernelOptions {
  /** Program and arguments of another kernel, as its kernel.json has them: "{connection_file}" is replaced. */
  argv?: readonly string[];
  /** Directory of the notebook; a new empty one by default. */
  cwd?: string;
  /** Added to this process' variables; undefined takes one away. Nothing is preloaded unless this says so. */
  env?: Record<string, string | undefined>;
  transport?: "tcp" | "ipc";
  key?: string;
}

export interface ExecuteOptions {
  silent?: boolean;
  storeHistory?: boolean;
  stopOnError?: boolean;
  allowStdin?: boolean;
  userExpressions?: Record<string, string>;
}

export interface Result {
  reply: JsonObject;
  /** Every iopub message of this request, in order. */
  messages: Message[];
  stdout: string;
  stderr: string;
  /** MIME bundle of the last expression. */
  value: MimeBundle | undefined;
  /** MIME bundles of display_data and update_display_data. */
  displays: MimeBundle[];
}

/** A request that was sent: its id, its end, and what came of it. */
export interface Pending {
  id: string;
  /** All messages have come. Their text is not read before somebody asks for the result. */
  readonly ended: Promise<void>;
  readonly result: Promise<Result>;
}

const DEFAULT_TIMEOUT_MS = 40_000;
const STOP_TIMEOUT_MS = 5000;
/** ZeroMQ's own pause between attempts is a tenth of a second, a quarter of what a kernel needs to start. */
const RECONNECT_MS = 5;

export class TestKernel {
  readonly process: ChildProcess;
  readonly cwd: string;
  readonly connectionFile: string;
  readonly #directory: string;
  readonly clients: TestClient[] = [];

  private constructor(child: ChildProcess, directory: string, cwd: string) {
    this.process = child;
    this.#directory = directory;
    this.cwd = cwd;
    this.connectionFile = join(directory, "connection.json");
  }

  static async start(options: KernelOptions = {}): Promise<TestKernel> {
    if (!existsSync(KERNEL_ENTRY)) throw new Error("The kernel is not built: npm run build.");
    const directory = mkdtempSync(join(tmpdir(), "tunelab-test-"));
    const cwd = options.cwd ?? mkdtempSync(join(tmpdir(), "tunelab-notebook-"));
    const transport = options.transport ?? "tcp";
    const ports = transport === "ipc" ? [1, 2, 3, 4, 5] : await freePorts(5);
    const [shell_port, iopub_port, stdin_port, control_port, hb_port] = ports;
    const connectionFile = join(directory, "connection.json");
    writeFileSync(
      connectionFile,
      JSON.stringify({
        transport,
        ip: transport === "ipc" ? join(directory, "socket") : "127.0.0.1",
        key: options.key ?? "a test key",
        signature_scheme: "hmac-sha256",
        shell_port,
        iopub_port,
        stdin_port,
        control_port,
        hb_port,
      }),
    );
    const argv = options.argv ?? [process.execPath, KERNEL_ENTRY, "{connection_file}"];
    const [program = "", ...args] = argv.map((word) => word.replace("{connection_file}", connectionFile));
    const child = spawn(program, args, {
      cwd,
      env: { ...process.env, JPY_PARENT_PID: String(process.pid), TUNELAB_PRELOAD: "", ...options.env },
      stdio: ["ignore", "ignore", process.env.KERNEL_LOG ? "inherit" : "ignore"],
    });
    return new TestKernel(child, directory, cwd);
  }

  /** A client whose subscription is in force. */
  async connect(): Promise<TestClient> {
    const client = this.open();
    await client.welcome();
    return client;
  }

  /** A client that may ask at once; what the kernel broadcasts before it has subscribed is lost to it. */
  open(): TestClient {
    const client = new TestClient(this.connectionFile);
    this.clients.push(client);
    return client;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    if (this.process.exitCode === null && this.process.signalCode === null) {
      const ended = new Promise((resolve) => this.process.once("exit", resolve));
      this.process.kill("SIGTERM");
      const force = setTimeout(() => this.process.kill("SIGKILL"), STOP_TIMEOUT_MS);
      await ended;
      clearTimeout(force);
    }
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

export class TestClient {
  /** Everything received on iopub. */
  readonly broadcasts: Message[] = [];
  /** Messages on stdin, such as input_request. */
  readonly inputRequests: Message[] = [];
  readonly #wire: Wire;
  readonly #sockets: Record<"shell" | "control" | "stdin", Dealer>;
  readonly #iopub: Subscriber;
  readonly #heartbeat = new Request();
  readonly #byParent = new Map<string, Message[]>();
  readonly #replies = new Map<string, Message>();
  readonly #waiting = new Set<() => void>();

  constructor(connectionFile: string) {
    const connection = readConnectionFile(connectionFile);
    this.#wire = new Wire(connection);
    const at = (channel: Channel) => address(connection, channel);
    const routingId = `client-${Math.random()}`;
    const options = { linger: 0, receiveHighWaterMark: 0, reconnectInterval: RECONNECT_MS };
    const dealer = () => new Dealer({ ...options, routingId, sendHighWaterMark: 0 });
    this.#iopub = new Subscriber(options);
    this.#sockets = { shell: dealer(), control: dealer(), stdin: dealer() };
    for (const channel of ["shell", "control", "stdin"] as const) {
      this.#sockets[channel].connect(at(channel));
      void this.#read(channel);
    }
    this.#iopub.connect(at("iopub"));
    this.#iopub.subscribe("");
    this.#heartbeat.connect(at("hb"));
    void this.#listen();
  }

  get session(): string {
    return this.#wire.session;
  }

  async welcome(): Promise<void> {
    await this.until(() => this.broadcasts.some(({ header }) => header.msg_type === "iopub_welcome"));
  }

  /** Sends a message without waiting; returns its id. */
  async send(
    channel: "shell" | "control" | "stdin",
    type: string,
    content: JsonObject,
    parent: JsonObject = {},
    buffers: readonly Uint8Array[] = [],
    header: JsonObject = {},
  ): Promise<string> {
    const frames = this.#wire.encode([], { type, content, parent: parent as never, buffers, header });
    await this.#sockets[channel].send(frames);
    const sent = JSON.parse(Buffer.from(frames[2] ?? []).toString()) as { msg_id: string };
    return sent.msg_id;
  }

  /** Sends frames as they are. */
  async sendFrames(channel: "shell" | "control", frames: Uint8Array[]): Promise<void> {
    await this.#sockets[channel].send(frames);
  }

  /** Sends a request and resolves with the reply's content. */
  async request(
    type: string,
    content: JsonObject = {},
    channel: "shell" | "control" = "shell",
    header: JsonObject = {},
  ): Promise<JsonObject> {
    const id = await this.send(channel, type, content, {}, [], header);
    return (await this.#reply(id)).content;
  }

  async requestMessage(
    type: string,
    content: JsonObject = {},
    channel: "shell" | "control" = "shell",
  ): Promise<Message> {
    return await this.#reply(await this.send(channel, type, content));
  }

  /** Sends a cell; the result is awaited separately. */
  async submit(code: string, options: ExecuteOptions = {}): Promise<Pending> {
    const id = await this.send("shell", "execute_request", {
      code,
      silent: options.silent ?? false,
      store_history: options.storeHistory ?? true,
      user_expressions: options.userExpressions ?? {},
      allow_stdin: options.allowStdin ?? false,
      stop_on_error: options.stopOnError ?? true,
    });
    const ended = this.#end(id);
    const result = async () => {
      await ended;
      return this.#result(id);
    };
    let read: Promise<Result> | undefined;
    return {
      id,
      ended,
      get result() {
        read ??= result();
        return read;
      },
    };
  }

  /** Runs a cell to its end. */
  async execute(code: string, options: ExecuteOptions = {}): Promise<Result> {
    return await (await this.submit(code, options)).result;
  }

  /** Runs a cell that must end well. */
  async ok(code: string): Promise<Result> {
    const result = await this.execute(code);
    if (result.reply.status !== "ok") throw new Error(`${code}\n${JSON.stringify(result.reply.traceback)}`);
    return result;
  }

  /** The text of the last expression's value. */
  async evaluate(code: string): Promise<unknown> {
    return (await this.ok(code)).value?.["text/plain"];
  }

  interrupt(): Promise<JsonObject> {
    return this.request("interrupt_request", {}, "control");
  }

  /** Round trip of the heartbeat in milliseconds. */
  async beat(): Promise<number> {
    const start = performance.now();
    await this.#heartbeat.send("ping");
    await this.#heartbeat.receive();
    return performance.now() - start;
  }

  replied(id: string): boolean {
    return this.#replies.has(id);
  }

  /** iopub messages so far of the request `id`. */
  of(id: string): Message[] {
    return this.#byParent.get(id) ?? [];
  }

  /** Waits until `condition` holds; it is asked again at every message. */
  async until(condition: () => boolean, timeout = DEFAULT_TIMEOUT_MS): Promise<void> {
    if (condition()) return;
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(check);
        reject(new Error(`Waited ${timeout} ms in vain for: ${condition.toString()}`));
      }, timeout);
      const check = () => {
        if (!condition()) return;
        clearTimeout(timer);
        this.#waiting.delete(check);
        resolve();
      };
      this.#waiting.add(check);
    });
  }

  close(): void {
    for (const socket of [...Object.values(this.#sockets), this.#iopub, this.#heartbeat]) socket.close();
  }

  async #reply(id: string): Promise<Message> {
    await this.until(() => this.#replies.has(id));
    return this.#replies.get(id) as Message;
  }

  async #end(id: string): Promise<void> {
    const isIdle = (message: Message) =>
      message.header.msg_type === "status" && message.content.execution_state === "idle";
    await this.until(() => this.#replies.has(id) && this.of(id).some(isIdle));
  }

  #result(id: string): Result {
    const messages = this.of(id);
    const content = (type: string) => messages.filter(({ header }) => header.msg_type === type).map((m) => m.content);
    const text = (name: string) =>
      content("stream")
        .filter((stream) => stream.name === name)
        .map((stream) => stream.text)
        .join("");
    return {
      reply: (this.#replies.get(id) as Message).content,
      messages,
      stdout: text("stdout"),
      stderr: text("stderr"),
      value: content("execute_result")[0]?.data as MimeBundle | undefined,
      displays: [...content("display_data"), ...content("update_display_data")].map((d) => d.data as MimeBundle),
    };
  }

  async #read(channel: "shell" | "control" | "stdin"): Promise<void> {
    for await (const frames of this.#sockets[channel]) {
      const message = this.#wire.decode(frames);
      if (channel === "stdin") this.inputRequests.push(message);
      else this.#replies.set(String(message.parentHeader.msg_id), message);
      this.#wake();
    }
  }

  async #listen(): Promise<void> {
    for await (const frames of this.#iopub) {
      const message = this.#open(frames);
      this.broadcasts.push(message);
      const parent = String(message.parentHeader.msg_id ?? "");
      const siblings = this.#byParent.get(parent);
      if (siblings) siblings.push(message);
      else this.#byParent.set(parent, [message]);
      this.#wake();
    }
  }

  /** Text is verified and read when it is looked at: a flood would otherwise wait for its reader, or compete with it. */
  #open(frames: Buffer[]): Message {
    const start = frames.findIndex((frame) => frame.equals(DELIMITER));
    const [header, parentHeader] = frames.slice(start + 2, start + 4).map((frame) => JSON.parse(frame.toString()));
    if (header.msg_type !== "stream") return this.#wire.decode(frames);
    let message: Message | undefined;
    const opened = () => {
      message ??= this.#wire.decode(frames);
      return message;
    };
    return {
      header,
      parentHeader,
      identities: frames.slice(0, start),
      buffers: [],
      get metadata() {
        return opened().metadata;
      },
      get content() {
        return opened().content;
      },
    };
  }

  #wake(): void {
    for (const check of [...this.#waiting]) check();
  }
}

async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
