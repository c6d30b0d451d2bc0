/** A hub of a few repositories on 127.0.0.1, as far as lib/hub asks one, with the faults of real ones on demand. */
import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

export interface FakeRepository {
  type: "model" | "dataset";
  name: string;
  files: Record<string, string | Buffer>;
  /** Files that the hub lists with a SHA-256, as it does for large ones. */
  lfs?: string[];
  /** Answer 401 without this token. */
  token?: string;
  /** Break the connection after so many bytes, this many times. */
  breakAfter?: number;
  breaks?: number;
  /** Answer every question with this status. */
  status?: number;
  /** Serve these bytes instead of the listed ones. */
  corrupt?: Record<string, string>;
}

export interface FakeHub {
  url: string;
  repositories: FakeRepository[];
  /** Method, path and range of every request so far. */
  requests: string[];
  close(): Promise<void>;
}

export const COMMIT = "0123456789abcdef0123456789abcdef01234567";

export async function startHub(): Promise<FakeHub> {
  const hub: FakeHub = { url: "", repositories: [], requests: [], close: async () => undefined };
  const server = createServer((request, response) => {
    hub.requests.push(`${request.method} ${request.url!.split("?")[0]} ${request.headers.range ?? ""}`.trim());
    answer(hub, request, response);
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  hub.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  hub.close = () =>
    new Promise((done) => {
      server.closeAllConnections();
      server.close(() => done());
    });
  return hub;
}

function answer(hub: FakeHub, request: IncomingMessage, response: ServerResponse): ServerResponse {
  const path = decodeURIComponent(new URL(request.url!, hub.url).pathname);
  const json = (status: number, body: unknown): ServerResponse =>
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  if (path === "/") return json(200, {});
  const repository = hub.repositories.find(({ type, name }) =>
    [`/api/${type}s/${name}/`, `/${type === "dataset" ? "datasets/" : ""}${name}/resolve/`].some((start) =>
      path.startsWith(start),
    ),
  );
  if (!repository) return json(404, { error: "Repository not found" });
  if (repository.status) return json(repository.status, { error: "as told" });
  if (repository.token && request.headers.authorization !== `Bearer ${repository.token}`) {
    return json(401, { error: "Access to this repository is restricted" });
  }
  const [, kind, revision, file] = /\/(revision|tree|resolve)\/([^/]+)\/?(.*)$/.exec(path)!;
  if (revision !== "main" && revision !== COMMIT) return json(404, { error: `Invalid rev id: ${revision}` });
  if (kind === "revision") return json(200, { _id: "1", id: repository.name, sha: COMMIT, lastModified: "2026-01-01" });
  if (kind === "tree") return json(200, listing(repository));
  return serve(repository, file!, request, response);
}

function listing({ files, lfs = [] }: FakeRepository): object[] {
  return Object.entries(files).map(([path, content]) => {
    const bytes = Buffer.from(content);
    const oid = createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    const large = lfs.includes(path) ? { lfs: { oid: sha256, size: bytes.length, pointerSize: 130 } } : {};
    return { type: "file", path, size: bytes.length, oid, ...large };
  });
}

function serve(
  repository: FakeRepository,
  path: string,
  request: IncomingMessage,
  response: ServerResponse,
): ServerResponse {
  const content = Buffer.from(repository.corrupt?.[path] ?? repository.files[path]!);
  const range = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "");
  const start = Number(range?.[1] ?? 0);
  const end = range?.[2] ? Math.min(Number(range[2]) + 1, content.length) : content.length;
  response.writeHead(range ? 206 : 200, {
    etag: '"x"',
    "content-length": end - start,
    ...(range && { "content-range": `bytes ${start}-${end - 1}/${content.length}` }),
  });
  const probe = range?.[2] === "0";
  if (!probe && repository.breakAfter !== undefined && (repository.breaks ?? 0) > 0) {
    repository.breaks!--;
    response.write(content.subarray(start, start + repository.breakAfter), () => response.destroy());
    return response;
  }
  return response.end(content.subarray(start, end));
}
