#!/usr/bin/env node
/**
 * Stands in for the executable that the Prisma CLI would download: the same engine as WebAssembly,
 * from the npm registry. It answers the requests of `prisma db pull`, `generate` and `validate`.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { PrismaPg } from '@prisma/adapter-pg';
import { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } from '@prisma/driver-adapter-utils';
import * as bindings from '@prisma/schema-engine-wasm/schema_engine_bg';

const entry = createRequire(import.meta.url).resolve('@prisma/schema-engine-wasm');
const binary = entry.replace(/schema_engine\.js$/, 'schema_engine_bg.wasm');

const { values } = parseArgs({
  strict: false,
  options: {
    datamodels: { type: 'string', multiple: true },
    datasource: { type: 'string' },
    version: { type: 'boolean', short: 'V' },
  },
});

// The catalogue's one-letter columns have PostgreSQL's type "char", which the adapter does not know.
const charType = 18;
const textType = 25;

class CatalogueAdapter extends PrismaPg {
  async connect() {
    const connection = await super.connect();
    const perform = connection.performIO.bind(connection);
    const read = connection.queryRaw.bind(connection);
    let types = [];
    connection.performIO = async (query) => {
      const result = await perform(query);
      types = result.fields.map((field) => field.dataTypeID);
      for (const field of result.fields) {
        if (field.dataTypeID === charType) field.dataTypeID = textType;
      }
      return result;
    };
    connection.queryRaw = async (query) => {
      const result = await read(query);
      const columnTypes = result.columnTypes.map((type, column) =>
        types[column] === charType ? ColumnTypeEnum.Character : type,
      );
      return { ...result, columnTypes };
    };
    return connection;
  }
}

async function start() {
  let panic = '';
  globalThis.PRISMA_WASM_PANIC_REGISTRY = { set_message: (message) => (panic = message) };
  const module = new WebAssembly.Module(readFileSync(binary));
  const instance = new WebAssembly.Instance(module, { './schema_engine_bg.js': bindings });
  bindings.__wbg_set_wasm(instance.exports);
  instance.exports.__wbindgen_start();
  const url = values.datasource ? JSON.parse(values.datasource).url : process.env.DATABASE_URL;
  const adapter = new CatalogueAdapter({ connectionString: url, max: 1, allowExitOnIdle: true });
  const datamodels = (values.datamodels ?? []).map((path) => [path, readFileSync(path, 'utf8')]);
  const engine = await bindings.SchemaEngine.new(
    { datamodels: datamodels.length > 0 ? datamodels : undefined },
    () => {},
    bindMigrationAwareSqlAdapterFactory(adapter),
  );
  return { engine, panicked: () => panic };
}

let starting;

async function respond({ id, method, params }) {
  let context;
  try {
    starting ??= start();
    context = await starting;
    const name = method === 'getDatabaseVersion' ? 'version' : method;
    if (typeof context.engine[name] !== 'function') throw new Error(`${method} is not supported.`);
    return { id, result: (await context.engine[name](params)) ?? null };
  } catch (error) {
    const message = context?.panicked() || error.message;
    const data = {
      is_panic: Boolean(context?.panicked()),
      message,
      error_code: error.code ?? null,
    };
    return { id, error: { code: 4466, message: 'The schema engine failed.', data } };
  }
}

if (values.version) {
  const manifest = readFileSync(entry.replace(/schema_engine\.js$/, 'package.json'), 'utf8');
  process.stdout.write(`schema-engine ${JSON.parse(manifest).version}\n`);
} else {
  const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
  lines.on('line', async (line) => {
    const response = await respond(JSON.parse(line));
    process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...response })}\n`);
  });
  lines.on('close', () => process.exit(0));
}
