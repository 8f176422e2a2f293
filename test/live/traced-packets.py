"""Sends packets of many kinds on v1, so that they arrive on v0."""
import subprocess
import socket,struct
s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW); s.bind(('v1',0))
mac=bytes.fromhex(subprocess.check_output(['ip','-o','link','show','v0'],text=True).split('link/ether ')[1].split()[0].replace(':',''))
def csum(b):
    if len(b)%2: b+=b'\0'
    t=sum(struct.unpack('!%dH'%(len(b)//2),b)); t=(t>>16)+(t&0xffff); t+=t>>16
    return ~t&0xffff
def ip4(proto,pay,tos=0,ident=7,frag=0,opts=b'',src='10.9.0.2',dst='10.9.0.1'):
    ihl=5+len(opts)//4
    h=struct.pack('!BBHHHBBH4s4s',0x40|ihl,tos,ihl*4+len(pay),ident,frag,63,proto,0,socket.inet_aton(src),socket.inet_aton(dst))+opts
    h=h[:10]+struct.pack('!H',csum(h))+h[12:]
    return h+pay
def ip6(nh,pay,tc=0,fl=0): return struct.pack('!IHBB',(6<<28)|(tc<<20)|fl,len(pay),nh,33)+socket.inet_pton(socket.AF_INET6,'fd00::2')+socket.inet_pton(socket.AF_INET6,'fd00::1')+pay
def send(p,et=0x800,vlan=b''): s.send(mac+bytes.fromhex('020304050607')+vlan+struct.pack('!H',et)+p)
udp=struct.pack('!HHHH',1000,99,12,0)+b'abcd'
tcp=lambda f: struct.pack('!HHIIHHHH',1000,22,1,2,(5<<12)|f,100,0,0)
send(ip4(17,udp,tos=0x48))
send(ip4(17,struct.pack('!HHHH',1000,98,12,0)+b'abcd',opts=b'\x94\4\0\0'))
send(ip4(6,tcp(0xff)))
send(ip4(6,tcp(0x100)))
send(ip4(17,udp,frag=0x2000,ident=8))
send(ip4(17,b'abcdefgh',frag=0x0002,ident=8))
send(ip4(17,b'abcdefgh',frag=0xa000,ident=9))
send(ip4(1,bytes.fromhex('0800f7ff00000000')))
send(ip4(47,b'abcdefgh')); send(ip4(132,struct.pack('!HHII',5,6,0,0))); send(ip4(50,b'abcdefgh')); send(ip4(33,b'\0\1\0\2'+b'abcdefgh')); send(ip4(136,struct.pack('!HHHH',1000,99,12,0)+b'abcd'))
send(ip6(17,udp,tc=0x28,fl=0x12345),0x86dd)
send(ip6(6,tcp(0x12)),0x86dd)
send(ip6(0,b'\x11\0\5\2\0\0\1\0'+udp),0x86dd)
send(ip6(44,b'\x11\0\0\1\0\0\0\5'+udp),0x86dd)
send(ip6(58,bytes.fromhex('8000f7ff00000000')),0x86dd)
