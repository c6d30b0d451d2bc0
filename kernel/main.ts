/** The kernel's process: `node dist/kernel/main.cjs CONNECTION_FILE`, as Jupyter starts it. */
import { isAlive } from "./processes.js";
import { readConnectionFile } from "./protocol/connection.js";
import { KernelSockets } from "./protocol/sockets.js";
import { Supervisor } from "./supervisor.js";

const PARENT_CHECK_MS = 1000;
const parent = Number(process.env.JPY_PARENT_PID ?? 0);
// Asked before anything else: a parent that dies while the kernel starts must not pass for one that never was the parent.
const isChild = process.ppid === parent;

async function main(connectionFile: string): Promise<void> {
  const connection = readConnectionFile(connectionFile);
  const sockets = new KernelSockets(connection);
  let supervisor: Supervisor | undefined;
  const exit = () => {
    supervisor?.close();
    sockets.close();
    setTimeout(() => process.exit(0), 100);
  };
  await sockets.bind(connection);
  supervisor = new Supervisor(sockets, exit);
  const { receive, interrupt } = supervisor;
  sockets.listen(receive.bind(supervisor), (error) => console.error(`Refused a message: ${error.message}.`));
  supervisor.start();
  process.on("SIGINT", interrupt.bind(supervisor));
  process.on("SIGTERM", exit);
  watchParent(exit);
}

/** A kernel whose client has died has nobody to stop it. */
function watchParent(exit: () => void): void {
  if (!(parent > 1)) return;
  // A dead process that nobody has waited for still has its id; its children have another parent already.
  setInterval(() => {
    if (isChild ? process.ppid !== parent : !isAlive(parent)) exit();
  }, PARENT_CHECK_MS).unref();
}

const [connectionFile] = process.argv.slice(2);
if (connectionFile === undefined) {
  console.error("Usage: node main.cjs CONNECTION_FILE (Jupyter starts it; `tunelab install` tells Jupyter how).");
  process.exit(2);
}
void main(connectionFile);
