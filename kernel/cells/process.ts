/**
 * The compiling process. Started with a snapshot, it has its libraries read already; run while a snapshot is made, it
 * reads them. Without a snapshot it reads them as it goes.
 */
import { startupSnapshot } from "node:v8";
import { readPreload } from "../preload.js";
import { CellCompiler } from "./compiler.js";
import { serve } from "./service.js";
import { SharedFiles } from "./sharedFiles.js";

const shared = new SharedFiles();
if (startupSnapshot.isBuildingSnapshot()) {
  const preload = readPreload();
  // With files of its own: looked into, those of the library are larger, and the snapshot need not keep them so.
  const describer = new CellCompiler("/", preload, new SharedFiles());
  shared.descriptions[preload.packageRoot] = describer.describePreloaded();
  describer.close();
  const compiler = new CellCompiler("/", preload, shared);
  compiler.warm();
  compiler.read();
  compiler.close();
  startupSnapshot.setDeserializeMainFunction(() => serve(shared));
} else {
  serve(shared);
}
