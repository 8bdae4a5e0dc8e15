// Entries on their way to the server, kept in the browser's own database: they survive a reload, a closed lid and a
// restart of the browser. An entry is written here first, the instant it is made.

/**
 * @typedef {object} Item
 * @property {number} [id] its place in the order
 * @property {string} key the Idempotency-Key: however often it is sent, it is recorded once
 * @property {string} person whose entry it is; another person's session never sends it
 * @property {string} batch
 * @property {string} path where it goes, below the batch
 * @property {string} body JSON; never changed after it was made
 * @property {string} slot `step.field`, or `step` for its timer
 * @property {string} label
 * @property {string} shown what was recorded, in words
 * @property {number} made the site's time in ms
 * @property {string} [stops] the step in which the work stops until the server has answered
 * @property {"waiting"|"refused"|"conflict"|"aside"} status
 * @property {number} [tries] how often the server failed over it while it answered other things
 * @property {string} [says] the server's sentence, where it refused
 * @property {string} [code] and its code
 */

const NAME = "oxinate", TABLE = "entries";

/** @type {Promise<IDBDatabase>} */
const opened = new Promise((resolve, reject) => {
  const request = indexedDB.open(NAME, 1);
  request.onupgradeneeded = () => request.result.createObjectStore(TABLE, { keyPath: "id", autoIncrement: true });
  request.onsuccess = () => resolve(request.result);
  request.onerror = () => reject(request.error);
});

/** One transaction, ended when it is on the disk.
 * @template T @param {IDBTransactionMode} mode @param {(table: IDBObjectStore) => IDBRequest<T>} work @returns {Promise<T>} */
async function within(mode, work) {
  const database = await opened;
  return new Promise((resolve, reject) => {
    const transaction = database.transaction(TABLE, mode, { durability: "strict" });
    const request = work(transaction.objectStore(TABLE));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => reject(transaction.error);
  });
}

/** @param {Item} item */
export const add = (item) => within("readwrite", (table) => table.add(item));
/** @param {Item} item */
export const put = (item) => within("readwrite", (table) => table.put(item));
/** @param {number|undefined} id */
export const remove = (id) => within("readwrite", (table) => table.delete(/** @type {number} */ (id)));
/** @returns {Promise<Item[]>} in the order of their making */
export const all = () => within("readonly", (table) => table.getAll());
/** @returns {Promise<boolean>} whether this browser keeps anything at all */
export const usable = () => opened.then(() => true, () => false);
