// Reads PowerShell from stdin, and fails with the places of its syntax errors.
// The argument is a node_modules directory with web-tree-sitter and
// tree-sitter-powershell in it.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";

const modules = resolve(process.argv[2]);
const { Parser, Language } = createRequire(join(modules, "x.js"))("web-tree-sitter");

await Parser.init();
const parser = new Parser();
const grammar = readFileSync(join(modules, "tree-sitter-powershell", "tree-sitter-powershell.wasm"));
parser.setLanguage(await Language.load(grammar));
const text = readFileSync(0, "utf8");
const tree = parser.parse(text);

let errors = 0;
const visit = (node) => {
  if (node.isError || node.isMissing) {
    errors++;
    console.log(`${node.startPosition.row + 1}:${node.startPosition.column + 1}: ${node.type} ${JSON.stringify(node.text.slice(0, 60))}`);
  }
  for (const child of node.children) visit(child);
};
visit(tree.rootNode);
process.exit(errors === 0 ? 0 : 1);
