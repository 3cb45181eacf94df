// What kafkajs does with one broker: `node main.js HOST:PORT` prints a row per capability: PASS, FAIL or NONE, its name, what was seen.
'use strict'

const { randomBytes } = require('crypto')
const { isDeepStrictEqual } = require('util')
const kafkajs = require('kafkajs')

const LIMIT_MS = 60_000
const { CompressionTypes, CompressionCodecs, ConfigResourceTypes, Kafka, logLevel } = kafkajs
CompressionCodecs[CompressionTypes.Snappy] = require('kafkajs-snappy')
CompressionCodecs[CompressionTypes.LZ4] = new (require('kafkajs-lz4'))().codec

const kafka = new Kafka({ brokers: [process.argv[2]], logLevel: logLevel.NOTHING })
const admin = kafka.admin()
const checks = []
const check = (name, attempt) => checks.push({ name, attempt })

// The library has no such thing: a dash in the table.
class NotInLibrary extends Error {}
const none = (name, why) => check(name, async () => { throw new NotInLibrary(why) })

function equal(found, expected) {
  if (isDeepStrictEqual(found, expected)) return
  throw new Error(`found ${JSON.stringify(found)?.slice(0, 120)}, expected ${JSON.stringify(expected).slice(0, 120)}`)
}

async function topic(name, partitions = 1) {
  name = `kafkajs-${name}`
  await admin.createTopics({ topics: [{ topic: name, numPartitions: partitions }], waitForLeaders: true })
  return name
}

async function produce(name, messages, { idempotent = false, ...request } = {}) {
  const producer = kafka.producer({ idempotent, retry: { retries: idempotent ? 5 : 1 } })
  await producer.connect()
  try {
    return await producer.send({ topic: name, messages, ...request })
  } finally {
    await producer.disconnect()
  }
}

const values = (...texts) => texts.map(value => ({ value }))
const texts = records => records.map(({ value }) => value.toString())
const pause = ms => new Promise(resolve => setTimeout(resolve, ms))

async function until(holds, what) {
  for (const end = Date.now() + 30_000; !holds(); await pause(50)) {
    if (Date.now() > end) throw new Error(`${what}: not in 30 s`)
  }
}

// A running member of a group, the records it was given, and how it is told to go on. There is no consumer without a group.
async function member(group, subscription, settings = {}) {
  const times = { sessionTimeout: 6000, heartbeatInterval: 500, maxWaitTimeInMs: 500 }
  const consumer = kafka.consumer({ groupId: `kafkajs-${group}`, ...times, ...settings })
  const found = { consumer, records: [], partitions: [], crash: null }
  consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => { found.partitions = Object.values(payload.memberAssignment).flat() })
  consumer.on(consumer.events.CRASH, ({ payload }) => { found.crash = payload.error })
  await consumer.connect()
  await consumer.subscribe({ fromBeginning: true, ...subscription })
  await consumer.run({ autoCommit: false, eachMessage: async ({ message }) => { found.records.push(message) } })
  return found
}

// Reads that many records with a group of its own.
async function read(name, count, prepare = () => {}) {
  const reader = await member(`read-${name}-${randomBytes(4).toString('hex')}`, { topics: [name] })
  try {
    await prepare(reader)
    await until(() => reader.records.length >= count, `${count} records of ${name}`)
    return reader.records
  } finally {
    await reader.consumer.disconnect()
  }
}

check('admin-create', async () => { await topic('created', 3) })

check('admin-describe', async () => {
  const { topics: [found] } = await admin.fetchTopicMetadata({ topics: ['kafkajs-created'] })
  equal(found.partitions.map(({ partitionId }) => partitionId).sort(), [0, 1, 2])
})

check('admin-alter-config', async () => {
  const resource = { type: ConfigResourceTypes.TOPIC, name: 'kafkajs-created' }
  await admin.alterConfigs({ resources: [{ ...resource, configEntries: [{ name: 'retention.ms', value: '123456789' }] }] })
  // A broker may show a moment later what it said it did; the check has a limit of its own.
  for (let value; value !== '123456789'; await pause(50)) {
    const { resources: [found] } = await admin.describeConfigs({ resources: [{ ...resource, configNames: ['retention.ms'] }] })
    value = found.configEntries[0].configValue
  }
})

check('admin-delete', async () => {
  await admin.deleteTopics({ topics: ['kafkajs-created'] })
  equal((await admin.listTopics()).includes('kafkajs-created'), false)
})

for (const [name, compression] of [['gzip', CompressionTypes.GZIP], ['snappy', CompressionTypes.Snappy], ['lz4', CompressionTypes.LZ4]]) {
  check(`produce-${name}`, async () => {
    const sent = Array(50).fill('again and again '.repeat(20))
    await produce(await topic(name), values(...sent), { compression })
    equal(texts(await read(`kafkajs-${name}`, 50)), sent)
  })
}
none('produce-zstd', 'only with a plug-in that is compiled where it is installed')

check('produce-idempotent', async () => {
  const [answer] = await produce(await topic('idempotent'), values('a', 'b', 'c'), { idempotent: true })
  equal(answer.baseOffset, '0')
  equal(texts(await read('kafkajs-idempotent', 3)), ['a', 'b', 'c'])
})

for (const [name, acks] of [['0', 0], ['1', 1], ['all', -1]]) {
  check(`produce-acks-${name}`, async () => {
    await produce(await topic(`acks-${name}`), values('a', 'b'), { acks })
    equal(texts(await read(`kafkajs-acks-${name}`, 2)), ['a', 'b'])
  })
}

check('produce-headers', async () => {
  await produce(await topic('headers'), [{ value: 'a', headers: { one: ['1', '2'], empty: '' } }])
  const [{ headers }] = await read('kafkajs-headers', 1)
  equal([headers.one.map(String), String(headers.empty)], [['1', '2'], ''])
})

check('produce-null-value', async () => {
  await produce(await topic('null'), [{ key: 'k', value: null }])
  const [{ key, value }] = await read('kafkajs-null', 1)
  equal([key.toString(), value], ['k', null])
})

check('produce-large-batch', async () => {
  const [answer] = await produce(await topic('large'), values(...Array(5000).fill('x'.repeat(100))))
  equal(answer.baseOffset, '0')
  equal((await read('kafkajs-large', 5000)).map(({ offset }) => Number(offset)), [...Array(5000).keys()])
})

check('consume-beginning', async () => {
  await produce(await topic('read'), values('a', 'b', 'c', 'd'))
  equal(texts(await read('kafkajs-read', 4)), ['a', 'b', 'c', 'd'])
})

check('consume-timestamp', async () => {
  const name = await topic('times'), now = Date.now()
  await produce(name, ['A', 'B', 'C'].map((value, at) => ({ value, timestamp: String(now - 3000 + 1000 * at) })))
  const [{ offset }] = await admin.fetchTopicOffsetsByTimestamp(name, now - 2500)
  equal(offset, '1')
  equal(texts(await read(name, 2, ({ consumer }) => consumer.seek({ topic: name, partition: 0, offset }))).slice(-2), ['B', 'C'])
})

none('consume-assign', 'every consumer is a member of a group')

check('consume-subscribe', async () => {
  await produce(await topic('pattern-1'), values('one'))
  const reader = await member('pattern', { topics: [/^kafkajs-pattern-.*/] })
  await until(() => reader.records.length > 0, 'a record of the pattern')
  await reader.consumer.disconnect()
  equal(texts(reader.records), ['one'])
})

check('consume-pause', async () => {
  const held = await topic('paused'), flowing = await topic('flowing')
  await produce(held, values('held'))
  await produce(flowing, values('flows'))
  const reader = await member('paused', { topics: [held, flowing] })
  reader.consumer.pause([{ topic: held }])
  await pause(2000)
  // It may have been read before it was paused: then the next one is what is held.
  const before = texts(reader.records).filter(text => text === 'held').length
  await produce(held, values('held'))
  await pause(2000)
  equal(texts(reader.records).sort(), before ? ['flows', 'held'] : ['flows'])
  reader.consumer.resume([{ topic: held }])
  await until(() => reader.records.length === 3, 'the records that were held')
  await reader.consumer.disconnect()
})

check('consume-seek', async () => {
  const found = await read('kafkajs-read', 6, async reader => {
    await until(() => reader.records.length === 4, 'the first reading')
    reader.consumer.seek({ topic: 'kafkajs-read', partition: 0, offset: '1' })
  })
  equal(texts(found).slice(0, 6), ['a', 'b', 'c', 'd', 'b', 'c'])
})

check('group-rebalance', async () => {
  const name = await topic('shared', 4)
  const members = [await member('shared', { topics: [name] }), await member('shared', { topics: [name] })]
  await until(() => members.every(({ partitions }) => partitions.length === 2), 'two members with two partitions each')
  await members[1].consumer.disconnect()
  await until(() => members[0].partitions.length === 4, 'one member with all partitions')
  await members[0].consumer.disconnect()
})

check('group-commit', async () => {
  const name = await topic('committed')
  await produce(name, values('a', 'b', 'c'))
  const reader = await member('commits', { topics: [name] })
  await until(() => reader.records.length >= 2, 'two records')
  await reader.consumer.commitOffsets([{ topic: name, partition: 0, offset: '2' }])
  await reader.consumer.disconnect()
  const [found] = await admin.fetchOffsets({ groupId: 'kafkajs-commits', topics: [name] })
  equal(found.partitions[0].offset, '2')
})

check('group-resume', async () => {
  const reader = await member('commits', { topics: ['kafkajs-committed'] })
  await until(() => reader.records.length >= 1, 'a record')
  await reader.consumer.disconnect()
  equal(texts(reader.records), ['c'])
})

check('group-lag', async () => {
  const [{ partitions: [committed] }] = await admin.fetchOffsets({ groupId: 'kafkajs-commits', topics: ['kafkajs-committed'] })
  const [{ high }] = await admin.fetchTopicOffsets('kafkajs-committed')
  equal(Number(high) - Number(committed.offset), 1)
})

// What kind of error the client ends with: the protocol's own name where it has one.
async function error(promise) {
  const seen = await promise.then(() => null, error => error)
  if (!seen) throw new Error('there was no error')
  return (seen.cause || seen).type || seen.name
}

check('error-unknown-topic', () => error(produce('kafkajs-nowhere', values('a'))))
check('error-too-large', async () => error(produce(await topic('too-large'), [{ value: randomBytes(2_000_000) }])))
none('error-fenced-member', 'no static members')

async function outcome(attempt) {
  let timer
  const late = new Promise((_, reject) => { timer = setTimeout(() => reject(new Error(`not done after ${LIMIT_MS} ms`)), LIMIT_MS) })
  try {
    return ['PASS', (await Promise.race([attempt(), late])) || '']
  } catch (error) {
    return [error instanceof NotInLibrary ? 'NONE' : 'FAIL', `${error.message}`]
  } finally {
    clearTimeout(timer)
  }
}

async function main() {
  await admin.connect()
  for (const { name, attempt } of checks) {
    const [verdict, seen] = await outcome(attempt)
    console.log(`${verdict} ${name} ${seen}`.replace(/\s+/g, ' ').trim().slice(0, 300))
  }
  // Members of checks that failed may still run.
  process.exit(0)
}

main()
