import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { loadDataset } from "../../../lib/data/loadDataset.js";
import { isHubReachable } from "../../../lib/hub/reachable.js";
import { modelFiles, snapshot } from "../../../lib/hub/snapshot.js";
import { temporaryDirectory } from "../formats/temporaryDirectory.js";
import { COMMIT, type FakeHub, type FakeRepository, startHub } from "./server.js";

const VARIABLES = [
  "HF_ENDPOINT",
  "HF_HUB_CACHE",
  "HF_HUB_OFFLINE",
  "HF_TOKEN",
  "HUGGING_FACE_HUB_TOKEN",
  "HUGGINGFACE_TOKEN",
  "HF_TOKEN_PATH",
] as const;

describe("the hub", () => {
  const path = temporaryDirectory();
  const before_ = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]));
  const warn = console.warn;
  let warnings: string[] = [];
  let hub: FakeHub;
  let caches = 0;

  const weights = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 7919) % 256));
  const model = (): FakeRepository => ({
    type: "model",
    name: "org/small",
    files: {
      "README.md": "# card",
      "config.json": "{}",
      "tokenizer.json": '{"model": {}}',
      "model.safetensors": weights,
      "pytorch_model.bin": "pickle",
      "onnx/model.onnx": "other",
    },
    lfs: ["model.safetensors"],
  });

  beforeEach(async () => {
    hub = await startHub();
    for (const name of VARIABLES) delete process.env[name];
    process.env.HF_ENDPOINT = hub.url;
    process.env.HF_HUB_CACHE = path(`cache-${caches++}`);
    process.env.HF_TOKEN_PATH = path("no-token");
    warnings = [];
    console.warn = (text: string) => warnings.push(text);
  });
  afterEach(async () => {
    await hub.close();
    console.warn = warn;
    for (const name of VARIABLES) {
      if (before_[name] === undefined) delete process.env[name];
      else process.env[name] = before_[name];
    }
  });

  const repositoryFolder = (): string => join(process.env.HF_HUB_CACHE!, "models--org--small");
  const offline = async (): Promise<void> => {
    await hub.close();
  };

  describe("snapshot", () => {
    it("brings what a model needs into the cache's layout, and nothing else", async () => {
      hub.repositories = [model()];
      const dir = await snapshot("org/small");
      assert.equal(dir, join(repositoryFolder(), "snapshots", COMMIT));
      assert.deepEqual(readdirSync(dir).sort(), ["config.json", "model.safetensors", "tokenizer.json"]);
      assert.deepEqual(readFileSync(join(dir, "model.safetensors")), weights);
      assert.equal(readFileSync(join(repositoryFolder(), "refs", "main"), "utf8"), COMMIT);
      assert.ok(lstatSync(join(dir, "config.json")).isSymbolicLink());
      assert.match(readlinkSync(join(dir, "config.json")), /^\.\.[\\/]\.\.[\\/]blobs[\\/][0-9a-f]{40}$/);
      assert.match(readlinkSync(join(dir, "model.safetensors")), /[0-9a-f]{64}$/, "large files go by SHA-256");
    });

    it("asks for no file twice", async () => {
      hub.repositories = [model()];
      await snapshot("org/small");
      hub.requests.length = 0;
      await snapshot("org/small");
      assert.ok(
        hub.requests.every((request) => !request.includes("/resolve/")),
        hub.requests.join("\n"),
      );
    });

    it("tells how far it is", async () => {
      hub.repositories = [model()];
      const seen: number[] = [];
      let total = 0;
      await snapshot("org/small", {
        onProgress: ({ bytes, totalBytes }) => {
          seen.push(bytes);
          total = totalBytes;
        },
      });
      assert.equal(seen.at(-1), total);
      assert.equal(total, weights.length + 2 + 13);
      assert.deepEqual(
        seen,
        [...seen].sort((a, b) => a - b),
      );
    });

    it("takes shards when there is no single file", () => {
      const shards = [
        "model-00001-of-00002.safetensors",
        "model-00002-of-00002.safetensors",
        "model.safetensors.index.json",
      ];
      assert.deepEqual(modelFiles([...shards, "consolidated.safetensors", "training_args.bin"]), shards);
      assert.deepEqual(modelFiles([...shards, "model.safetensors"]), [
        "model.safetensors.index.json",
        "model.safetensors",
      ]);
      assert.deepEqual(modelFiles(["adapter_config.json", "adapter_model.safetensors"]).length, 2);
    });

    it("goes on where an earlier download stopped", async () => {
      hub.repositories = [model()];
      const blobs = join(repositoryFolder(), "blobs");
      mkdirSync(blobs, { recursive: true });
      const hash = createHash("sha256").update(weights).digest("hex");
      writeFileSync(join(blobs, `${hash}.incomplete`), weights.subarray(0, 60_000));
      const dir = await snapshot("org/small", { files: () => ["model.safetensors"] });
      assert.deepEqual(readFileSync(join(dir, "model.safetensors")), weights);
      assert.ok(hub.requests.at(-1)!.endsWith("model.safetensors bytes=60000-199999"), hub.requests.join("\n"));
      assert.deepEqual(readdirSync(blobs), [hash]);
    });

    it("takes a broken connection up again", async () => {
      hub.repositories = [{ ...model(), breakAfter: 60_000, breaks: 3 }];
      const dir = await snapshot("org/small", { files: () => ["model.safetensors"] });
      assert.deepEqual(readFileSync(join(dir, "model.safetensors")), weights);
    });

    it("leaves no half file when the connection keeps breaking, and goes on in the next call", async () => {
      const repository = { ...model(), breakAfter: 1000, breaks: 100 };
      hub.repositories = [repository];
      await assert.rejects(snapshot("org/small"), {
        name: "TunelabError",
        message: /Loading the model org\/small from the hub failed/,
      });
      assert.ok(!existsSync(join(repositoryFolder(), "snapshots", COMMIT, "model.safetensors")));
      repository.breaks = 0;
      const dir = await snapshot("org/small");
      assert.deepEqual(readFileSync(join(dir, "model.safetensors")), weights);
    });

    it("refuses bytes that the hub does not list", async () => {
      const repository: FakeRepository = { ...model(), corrupt: { "config.json": "[]" } };
      hub.repositories = [repository];
      await assert.rejects(snapshot("org/small"), /config\.json came with other bytes than the hub lists for it/);
      delete repository.corrupt;
      await snapshot("org/small");
    });

    it("asks for access with the token given or found", async () => {
      hub.repositories = [{ ...model(), token: "hf_secret" }];
      await assert.rejects(snapshot("org/small"), {
        message:
          /gives no access to the model org\/small \(HTTP 401\): it is private or gated, or does not exist\. .*set HF_TOKEN/,
      });
      await snapshot("org/small", { token: "hf_secret" });
      process.env.HF_HUB_CACHE = path("other-cache");
      process.env.HUGGINGFACE_TOKEN = "hf_secret";
      await snapshot("org/small");
      await assert.rejects(snapshot("org/small", { token: "secret" }), /does not start with "hf_"/);
    });

    it("says that there is no such model or revision, or that the hub fails", async () => {
      hub.repositories = [model(), { ...model(), name: "org/busy", status: 429 }];
      await assert.rejects(snapshot("org/none"), /The hub has not got the model org\/none \(HTTP 404\)/);
      await assert.rejects(snapshot("org/small", { revision: "v9" }), /model org\/small at revision "v9" \(HTTP 404\)/);
      await assert.rejects(snapshot("org/busy"), /asks to slow down \(HTTP 429\)/);
      await assert.rejects(snapshot("../etc"), /"\.\.\/etc" is no name of a model on the hub/);
    });

    it("says that a repository holds no safetensors", async () => {
      hub.repositories = [{ type: "model", name: "org/old", files: { "pytorch_model.bin": "x" } }];
      await assert.rejects(snapshot("org/old"), /holds no safetensors.*Python pickles/);
    });

    it("refuses file names that lead out of the cache", async () => {
      hub.repositories = [{ type: "model", name: "org/evil", files: { "../../x.json": "{}" } }];
      await assert.rejects(
        snapshot("org/evil"),
        /names a file "\.\.\/\.\.\/x\.json", which could lead out of the cache/,
      );
    });
  });

  describe("without a network", () => {
    it("uses the cache and says so", async () => {
      hub.repositories = [model()];
      const dir = await snapshot("org/small");
      await offline();
      assert.equal(await snapshot("org/small"), dir);
      assert.deepEqual(warnings, [`${hub.url} cannot be reached: using the cached copy of org/small (01234567).`]);
    });

    it("uses it when the hub itself fails", async () => {
      const repository: FakeRepository = model();
      hub.repositories = [repository];
      const dir = await snapshot("org/small");
      repository.status = 503;
      assert.equal(await snapshot("org/small"), dir);
      assert.equal(warnings.length, 1);
    });

    it("says what is missing when there is no cache", async () => {
      await offline();
      await assert.rejects(snapshot("org/small"), {
        name: "TunelabError",
        message: /cannot be reached and the model org\/small is not in the cache .*Connect to the network/,
      });
    });

    it("asks nobody when HF_HUB_OFFLINE is set", async () => {
      hub.repositories = [model()];
      process.env.HF_HUB_OFFLINE = "1";
      await assert.rejects(snapshot("org/small"), /HF_HUB_OFFLINE is set and the model org\/small is not in the cache/);
      delete process.env.HF_HUB_OFFLINE;
      const dir = await snapshot("org/small");
      hub.requests.length = 0;
      process.env.HF_HUB_OFFLINE = "1";
      assert.equal(await snapshot("org/small"), dir);
      assert.equal(await snapshot("org/small", { revision: COMMIT }), dir);
      await assert.rejects(snapshot("org/small", { revision: "v2" }), /not in the cache/);
      await assert.rejects(
        snapshot("org/small", { files: () => ["model.safetensors", "extra.json"] }),
        /lacks extra\.json/,
      );
      assert.deepEqual(hub.requests, []);
      assert.equal(await isHubReachable(), false);
    });

    it("reads a cache that Python laid out", async () => {
      const folder = repositoryFolder();
      mkdirSync(join(folder, "snapshots", COMMIT), { recursive: true });
      mkdirSync(join(folder, "refs"), { recursive: true });
      writeFileSync(join(folder, "refs", "main"), COMMIT);
      writeFileSync(join(folder, "snapshots", COMMIT, "config.json"), "{}");
      process.env.HF_HUB_OFFLINE = "yes";
      assert.equal(await snapshot("org/small"), join(folder, "snapshots", COMMIT));
      rmSync(join(folder, "refs", "main"));
      await assert.rejects(snapshot("org/small"), /not in the cache/);
    });
  });

  describe("isHubReachable", () => {
    it("is true when the hub answers, false when nobody does or not in time", async () => {
      assert.equal(await isHubReachable(), true);
      await offline();
      assert.equal(await isHubReachable({ timeoutMs: 500 }), false);
    });
  });

  describe("loadDataset", () => {
    const rows = (name: string): string => `{"Question": "${name}"}\n`;
    const dataset = (): FakeRepository => ({
      type: "dataset",
      name: "org/questions",
      files: {
        "README.md":
          "---\nconfigs:\n- config_name: en\n  data_files: questions_en.jsonl\n- config_name: zh\n  data_files: zh.jsonl\n---\n",
        "questions_en.jsonl": rows("a") + rows("b") + rows("c"),
        "zh.jsonl": rows("z"),
      },
    });

    it("reads the files of a configuration and downloads no others", async () => {
      hub.repositories = [dataset()];
      const loaded = await loadDataset("org/questions", "en", { split: "train[0:2]" });
      assert.deepEqual(loaded.column("Question"), ["a", "b"]);
      assert.ok(hub.requests.every((request) => !request.includes("zh.jsonl")));
      await assert.rejects(loadDataset("org/questions", { split: "train" }), /several configurations/);
    });

    it("reads it again without a network", async () => {
      hub.repositories = [dataset()];
      await loadDataset("org/questions", "en");
      await offline();
      const loaded = await loadDataset("org/questions", "en", { split: "train" });
      assert.equal(loaded.numRows, 3);
      assert.equal(warnings.length, 1);
      await assert.rejects(
        loadDataset("org/questions", "zh", { split: "train" }),
        /No data file of org\/questions matches "zh\.jsonl"/,
      );
    });

    it("says that there is no such data set", async () => {
      await assert.rejects(loadDataset("org/none", { split: "train" }), /The hub has not got the dataset org\/none/);
    });
  });
});
