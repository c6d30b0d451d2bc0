/** What the debugger says between the inspector's words, which come by another way than a cell's end. */
import assert from "node:assert/strict";
import type { JsonObject } from "../../../kernel/protocol/messages.js";
import type { InspectorCommand } from "../../../kernel/runner/messages.js";
import { Debugger } from "../../../kernel/supervisor/debugger.js";

describe("a debugger", () => {
  let events: string[];
  let sent: InspectorCommand[];
  let tested: Debugger;

  beforeEach(async () => {
    events = [];
    sent = [];
    tested = new Debugger({
      inspect: (command) => {
        sent.push(command);
        if (command.method !== "Debugger.resume") tested.fromInspector({ id: command.id, result: {} });
      },
      generation: () => 1,
      event: ({ event }) => void events.push(String(event)),
      codeLines: async () => [1],
    });
    await ask("attach");
    await tested.beforeCell(1, "1", { lines: [[0, 0]], head: 0, sideModules: {} } as never);
    tested.fromInspector({ method: "Debugger.scriptParsed", params: { scriptId: "7", url: "cell-1" } });
    pause();
  });

  const ask = (command: string) => tested.request({ command, seq: 1, arguments: {} });
  const stopped = async () => ((await ask("debugInfo")).body as JsonObject).stoppedThreads;
  const pause = () => {
    const frame = { callFrameId: "f", functionName: "", location: { scriptId: "7", lineNumber: 0, columnNumber: 0 } };
    const callFrames = [{ ...frame, scopeChain: [] }];
    tested.fromInspector({ method: "Debugger.paused", params: { reason: "other", callFrames } });
  };
  const answer = () => tested.fromInspector({ id: sent.at(-1)?.id ?? 0, result: {} });
  const resumed = () => tested.fromInspector({ method: "Debugger.resumed", params: {} });

  it("knows that a cell goes on as soon as that is answered, and says it once", async () => {
    assert.deepEqual(await stopped(), [1]);
    const reply = ask("continue");
    answer();
    assert.equal((await reply).success, true);
    assert.deepEqual(await stopped(), []);
    resumed();
    assert.deepEqual(events, ["stopped", "continued"]);
  });

  it("does not take the next stop for the last one, however soon it comes", async () => {
    const reply = ask("continue");
    answer();
    resumed();
    pause();
    assert.equal((await reply).success, true);
    assert.deepEqual(await stopped(), [1]);
    assert.deepEqual(events, ["stopped", "continued", "stopped"]);
  });
});
