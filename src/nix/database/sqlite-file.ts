import { encodeRecord, varint, type SqlValue } from './sqlite-record.ts';

/**
 * A SQLite database written at once, row after row, and so the same bytes for the same rows, whatever version of SQLite
 * is about (sqlite.org/fileformat2.html). Rows and entries must fit into a page each.
 */
export class SqliteFile {
  /** The first one holds the schema. */
  readonly #pages: Buffer[] = [Buffer.alloc(0)];
  readonly #schema: SqlValue[][] = [];

  /** `rows` in the order of their rowids, which count from 1. */
  addTable(name: string, sql: string, rows: readonly (readonly SqlValue[])[]): void {
    this.#schema.push(['table', name, name, this.#addRows(rows), sql]);
  }

  /**
   * `entries` are the indexed columns and the rowid, in the index's order. Indexes that SQLite makes for a table by
   * itself have no `sql`.
   */
  addIndex(name: string, table: string, sql: string | null, entries: readonly (readonly SqlValue[])[]): void {
    this.#schema.push(['index', name, table, this.#addEntries(entries), sql]);
  }

  addTrigger(name: string, table: string, sql: string): void {
    this.#schema.push(['trigger', name, table, 0, sql]);
  }

  bytes(): Buffer {
    const rows = this.#schema.map((row, at) => rowCell(at + 1, row));
    const header = databaseHeader(this.#pages.length, this.#schema.length);
    return Buffer.concat([page(LEAF_TABLE, rows, undefined, header), ...this.#pages.slice(1)]);
  }

  #addRows(rows: readonly (readonly SqlValue[])[]): number {
    const leaves = fill(
      rows.map((row, at) => ({ cell: rowCell(at + 1, row), divider: varint(at + 1) })),
      LEAF_SPACE,
      { promote: false },
    );
    return this.#addTree(leaves, LEAF_TABLE, INTERIOR_TABLE);
  }

  #addEntries(entries: readonly (readonly SqlValue[])[]): number {
    const leaves = fill(
      entries.map((entry) => {
        const cell = withLength(encodeRecord(entry));
        return { cell, divider: cell };
      }),
      LEAF_SPACE,
      { promote: true },
    );
    return this.#addTree(leaves, LEAF_INDEX, INTERIOR_INDEX);
  }

  /** The page number of the root. */
  #addTree({ groups, dividers }: Filled, leafType: number, interiorType: number): number {
    let children = groups.map((cells) => this.#addPage(page(leafType, cells)));
    let between = dividers;
    while (children.length > 1) {
      const below = children;
      const items = between.map((divider, at) => ({ cell: pointing(below[at]!, divider), divider }));
      const filled = fill(items, INTERIOR_SPACE, { promote: true });
      // Right of a page's last cell comes the child of the cell that has moved up, or the very last one.
      let used = 0;
      children = filled.groups.map((cells) => {
        used += cells.length + 1;
        return this.#addPage(page(interiorType, cells, below[used - 1]));
      });
      between = filled.dividers;
    }
    return children[0]!;
  }

  #addPage(bytes: Buffer): number {
    return this.#pages.push(bytes);
  }
}

const PAGE_SIZE = 4096;
const INTERIOR_INDEX = 2;
const INTERIOR_TABLE = 5;
const LEAF_INDEX = 10;
const LEAF_TABLE = 13;
const LEAF_SPACE: number = PAGE_SIZE - 8;
const INTERIOR_SPACE: number = PAGE_SIZE - 12;

interface Item {
  readonly cell: Buffer;
  /** What the page above says between this one's page and the next. */
  readonly divider: Buffer;
}

interface Filled {
  readonly groups: Buffer[][];
  /** One between two groups each. */
  readonly dividers: Buffer[];
}

/** Puts cells into pages. With `promote` the cell between two pages moves up, to stand only there. */
function fill(items: readonly Item[], space: number, { promote }: { promote: boolean }): Filled {
  const groups: Item[][] = [[]];
  const promoted: Item[] = [];
  let free = space;
  for (const item of items) {
    // A cell and the two bytes that say where it lies.
    const size = item.cell.length + 2;
    if (size <= free) {
      groups.at(-1)!.push(item);
      free -= size;
    } else {
      promoted.push(promote ? item : groups.at(-1)!.at(-1)!);
      groups.push(promote ? [] : [item]);
      free = space - (promote ? 0 : size);
    }
  }
  // No page is empty: the last one takes the promoted cell, and the one before gives its last.
  if (promoted.length > 0 && groups.at(-1)!.length === 0) {
    groups.at(-1)!.push(promoted.pop()!);
    promoted.push(groups.at(-2)!.pop()!);
  }
  return {
    groups: groups.map((group) => group.map(({ cell }) => cell)),
    dividers: promoted.map(({ divider }) => divider),
  };
}

function rowCell(rowid: number, row: readonly SqlValue[]): Buffer {
  const record = encodeRecord(row);
  return Buffer.concat([varint(record.length), varint(rowid), record]);
}

function withLength(record: Buffer): Buffer {
  return Buffer.concat([varint(record.length), record]);
}

function pointing(child: number, divider: Buffer): Buffer {
  const pointer = Buffer.alloc(4);
  pointer.writeUInt32BE(child);
  return Buffer.concat([pointer, divider]);
}

/** "B-tree Pages": header, then where each cell lies, and the cells at the end of the page. */
function page(
  type: number,
  cells: readonly Buffer[],
  right?: number,
  before: Buffer = Buffer.alloc(0),
): Buffer {
  const bytes = Buffer.alloc(PAGE_SIZE);
  before.copy(bytes);
  const at = before.length;
  const pointers = at + (right === undefined ? 8 : 12);
  let start = PAGE_SIZE;
  for (const [index, cell] of cells.entries()) {
    start -= cell.length;
    if (start < pointers + 2 * cells.length) throw new RangeError('rows of a database page do not fit');
    cell.copy(bytes, start);
    bytes.writeUInt16BE(start, pointers + 2 * index);
  }
  bytes.writeUInt8(type, at);
  bytes.writeUInt16BE(cells.length, at + 3);
  bytes.writeUInt16BE(start, at + 5);
  if (right !== undefined) bytes.writeUInt32BE(right, at + 8);
  return bytes;
}

/** "The Database Header": format 4 of schemas, UTF-8, no write-ahead log, nothing free. */
function databaseHeader(pages: number, schemaVersion: number): Buffer {
  const header = Buffer.alloc(100);
  header.write('SQLite format 3\0');
  header.writeUInt16BE(PAGE_SIZE, 16);
  // Versions to write and to read, no reserved space, and the three payload fractions that are fixed.
  header.set([1, 1, 0, 64, 32, 32], 18);
  header.writeUInt32BE(1, 24);
  header.writeUInt32BE(pages, 28);
  header.writeUInt32BE(schemaVersion, 40);
  header.writeUInt32BE(4, 44);
  header.writeUInt32BE(1, 56);
  // Valid for change 1, by a SQLite that knows all this.
  header.writeUInt32BE(1, 92);
  header.writeUInt32BE(3_007_000, 96);
  return header;
}
