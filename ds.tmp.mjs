import { Store } from './dist/mvcc/index.js'
import { LevelBackend } from './dist/storage/index.js'
import { readFileSync, existsSync } from 'node:fs'
const clock={monotonicMs:()=>performance.now(),wallMs:()=>0,after:(d,c)=>{setTimeout(c,d)},yieldTurn:()=>new Promise(r=>setImmediate(r))}
const logger={info(){},warn:console.warn}
const rss=()=>{const s=readFileSync('/proc/self/status','latin1');return ['VmHWM','RssAnon','RssFile'].map(n=>n+' '+(Number(new RegExp(n+':\\s*(\\d+)').exec(s)[1])/1000|0)).join(' ')+' heap '+(process.memoryUsage().heapUsed/1e6|0)+' heapTotal '+(process.memoryUsage().heapTotal/1e6|0)+' ext '+(process.memoryUsage().external/1e6|0)}
const fresh=!existsSync('/tmp/ds')
const be=await LevelBackend.open('/tmp/ds')
console.log('start',rss())
let t=performance.now()
const store=await Store.open(be,{clock,logger,onFailure:console.error})
console.log('open',performance.now()-t|0,'ms cpu',process.cpuUsage().user/1000|0,rss())
if(fresh){const noise=Buffer.alloc(1<<20);for(let i=0;i<noise.length;i++)noise[i]='0123456789abcdef'.charCodeAt(Math.random()*16)
for(let i=0;i<1e6;i++){const tx=store.beginWrite();const o=(i*7919)%(noise.length-256);tx.put(Buffer.from('/registry/pods/default/'+(Math.imul(i,2654435761)>>>0).toString(16).padStart(9,'0')).latin1Slice(),noise.subarray(o,o+256),0n);tx.end()
if(i%500===499){const rows=[];const tok=store.collectRows({put:(b,k,v)=>rows.push({bucket:b,key:k,value:v}),delete:(b,k)=>rows.push({bucket:b,key:k,value:undefined})});await be.write(rows);store.flushed(tok)}}}
console.log(rss());await new Promise(r=>setTimeout(r,30));console.log('later',rss());globalThis.gc?.();await new Promise(r=>setTimeout(r,500));console.log('gc',rss(), store.indexedKeys)
await store.close();await be.close()
