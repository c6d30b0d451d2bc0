"""Types into a jupyter console as a person does, and prints what came back, step by step, as JSON."""

import json
import re
import sys

import pexpect

COLOR = r"(?:\x1b\[[\d;]*m)*"
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def main():
    program, kernel = sys.argv[1:]
    console = pexpect.spawn(
        program, ["--kernel", kernel], encoding="utf-8", timeout=60, dimensions=(40, 120), echo=False
    )
    steps = {}

    def see(name, pattern):
        console.expect(pattern)
        steps[name] = ESCAPES.sub("", console.before)

    def prompt(name, number):
        see(name, rf"In \[{COLOR}{number}{COLOR}\]: ")

    prompt("start", 1)
    console.send("const answer: number = 6 * 7; answer\r")
    prompt("result", 2)
    # The only name that begins so.
    console.send("answ\t")
    console.expect("er")
    console.send(" + 1\r")
    prompt("completed", 3)
    console.send("function twice(n: number) {\r")
    see("more", r"\.\.\.: ")
    console.send("return 2 * n }\r")
    prompt("function", 4)
    console.send("answer.toFixd()\r")
    prompt("error", 5)
    console.send('prompt("name?") + "!"\r')
    console.expect(r"name\? ")
    console.send("Ada\r")
    prompt("input", 6)
    console.send("console.log('go'); while (true) {}\r")
    console.expect("go\r\n")
    console.sendintr()
    prompt("interrupt", 7)
    console.sendeof()
    console.expect("exit")
    console.send("y\r")
    see("end", pexpect.EOF)
    console.close()
    print(json.dumps(steps))


if __name__ == "__main__":
    main()
