"""samba_accounts.py SMB_CONF PASSWORD: the accounts `sync`, which reads, and `dirsync`, which may also use DirSync."""

import sys

from samba.auth import system_session
from samba.dcerpc import security
from samba.ndr import ndr_unpack
from samba.param import LoadParm
from samba.samdb import SamDB
from samba.sd_utils import SDUtils

# DS-Replication-Get-Changes (MS-ADTS section 5.1.3.2.1).
GET_CHANGES = "1131f6aa-9c07-11d1-f79f-00c04fc2dcd2"

configuration = LoadParm()
configuration.load(sys.argv[1])
database = SamDB(session_info=system_session(), lp=configuration)
domain = str(database.domain_dn())
for name in ("sync", "dirsync"):
    database.newuser(name, sys.argv[2])
found = database.search(base="CN=dirsync,CN=Users," + domain, scope=0, attrs=["objectSid"])
sid = ndr_unpack(security.dom_sid, found[0]["objectSid"][0])
SDUtils(database).dacl_add_ace(domain, "(OA;;CR;%s;;%s)" % (GET_CHANGES, sid))
