"""Objects that are there, for the identifiers in addresses: what schemathesis draws names nothing, and would only ever see 404."""

import csv
import io
import itertools
import json
import pathlib
import urllib.error
import urllib.request

ORGANISATION = "/organisations/default"
FILE = pathlib.Path(__file__).with_name("organisation.toml")
PASSWORD = "Kept-by-nobody-7"


class Prepared:
    """Makes objects through the admin API. What only is read is used again until it is gone."""

    def __init__(self, base, token):
        self.base = base
        self.token = token
        self.number = itertools.count(1)
        self.kept = {}
        self.views = []
        self.last = None
        self.declare()

    def declare(self):
        """What schemathesis asks changes settings as well: a password policy that nothing meets, say. They are put back."""
        self.ask("/apply", FILE.read_bytes(), "application/toml")

    def post(self, path, body, media="application/json", method="POST", may_be_gone=False, everywhere=False):
        """What the gateway answers. A refusal that changed settings do not explain is the fault of this file: it fails the run."""
        try:
            return self.ask(path, body, media, method, everywhere)
        except urllib.error.HTTPError as refusal:
            if may_be_gone and refusal.code == 404:
                return None
        self.declare()
        try:
            return self.ask(path, body, media, method, everywhere)
        except urllib.error.HTTPError as refusal:
            raise SystemExit(f"preparing {method} {path}: {refusal.code} {refusal.read().decode()}") from refusal

    def ask(self, path, body, media="application/json", method="POST", everywhere=False):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": media}
        url = self.base + ("" if everywhere else ORGANISATION) + path
        request = urllib.request.Request(url, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"null")

    def name(self, kind):
        return f"prepared-{kind}-{next(self.number)}"

    def user(self):
        return self.post("/users", {"user_name": self.name("user")})["id"]

    def invited(self):
        """A user with an invitation that is still open."""
        return self.post("/users", {"user_name": self.name("user"), "invite": True})["id"]

    def group(self):
        return self.post("/groups", {"display_name": self.name("group")})["id"]

    def role(self):
        key = self.name("role")
        self.post("/roles", {"key": key, "name": key})
        return key

    def resource(self):
        return self.post("/resources", {"type": "number", "name": self.name("resource")})["id"]

    def import_(self):
        sheet = io.StringIO()
        csv.writer(sheet).writerows([["user_name"], [self.name("user")]])
        return self.post("/imports", sheet.getvalue().encode(), "application/octet-stream")["id"]

    def job(self):
        job = self.post("/bulk", {"operation": "suspend", "users": [self.user()]})
        return job["id"]

    def token_(self):
        return self.post("/tokens", {"label": self.name("token")})["id"]

    def view(self):
        """No more than a hundred are kept: the one before goes."""
        for view in self.views:
            self.post(f"/views/{view}", b"", method="DELETE", may_be_gone=True)
        self.views = [self.post("/views", {"name": self.name("view"), "list": "users"})["id"]]
        return self.views[0]

    def signed_in(self):
        """A user, and the session that a sign-in gave."""
        user_name = self.name("user")
        user = self.post("/users", {"user_name": user_name, "password": PASSWORD})["id"]
        shown = {"organisation": "default", "login": user_name, "password": PASSWORD}
        return user, self.post("/sign-in", shown, everywhere=True)

    def session(self):
        user, session = self.signed_in()
        return {"user": user, "session": session["session"]}

    def bearer(self, path, only_read):
        """The token of a session, for what only somebody who is signed in may ask; nothing for the rest."""
        if not path.startswith(("/session", "/sign-out")):
            return None
        if not only_read or self.last is None:
            self.last = self.signed_in()[1]
        return self.last["token"]

    def fill(self, body):
        """Puts names of what is there where a drawn body names something. What is left out stays left out."""
        for member, make in self.MEMBERS.items():
            if body.get(member):
                body[member] = make(self)

    def membership(self):
        group, member = self.group(), self.user()
        self.post(f"/groups/{group}/members", {"users": [member]})
        return {"group": group, "member": member}

    def assignment(self):
        resource, user = self.resource(), self.user()
        self.post(f"/resources/{resource}/assignments", {"users": [user]})
        return {"resource": resource, "kind": "users", "subject": user}

    def licensed(self):
        user = self.user()
        self.post(f"/users/{user}/licences", {"licence": "seat"})
        return {"user": user, "key": "seat"}

    def holder(self):
        user, role = self.user(), self.role()
        self.post(f"/users/{user}/roles/{role}", b"", method="PUT")
        return {"user": user, "role": role}

    def guest(self):
        return self.post("/guests", {"name": self.name("guest"), "email": "guest@visitors.example"})["id"]

    def invitation(self):
        user = self.invited()
        with_filter = f"/invitations?filter=user%20eq%20%22{user}%22"
        return self.post(with_filter, b"", method="GET")["items"][0]["id"]

    def identifiers(self, path, only_read):
        """The identifiers for an address as the document writes it; none where there is nothing to be had. What is only read
        serves again; every other request gets an object of its own, since it may take it away."""
        if path == "/sessions/{session}":
            return {"session": self.last["session"]}
        if path == "/tokens/{id}":
            return {"id": self.post("/tokens", {"label": self.name("token")}, everywhere=True)["id"]}
        place = path.removeprefix("/organisations/{org}")
        make = next((make for start, make in self.PLACES.items() if f"{place}/".startswith(f"{start}/")), None)
        if make is None:
            return {}
        if not only_read:
            return make(self)
        if path not in self.kept:
            self.kept[path] = make(self)
        return self.kept[path]

    def forget(self, path):
        """What was kept for an address is gone."""
        if path.startswith("/session"):
            # Another password policy than this file's may keep people from everything but a new password or a second factor.
            self.last = None
            self.declare()
        self.kept.pop(path, None)

    # The first that an address begins with counts.
    PLACES = {
        "/users/{user}/sessions/{session}": session,
        "/users/{user}/roles/{role}": holder,
        "/users/{user}/licences/{key}": licensed,
        "/users/{user}/access/{area}": lambda self: {"user": self.user(), "area": "report"},
        "/users/{user}/invite": lambda self: {"user": self.invited()},
        "/users/{user}/revoke-invitation": lambda self: {"user": self.invited()},
        "/users/{user}": lambda self: {"user": self.user()},
        "/groups/{group}/members/{member}": membership,
        "/groups/{group}/linked-roles/{role}": lambda self: {"group": self.group(), "role": self.role()},
        "/groups/{group}/roles/{role}": lambda self: self.membership() | {"role": "operator"},
        "/groups/{group}": lambda self: {"group": self.group()},
        "/roles/{role}/groups/{group}": lambda self: {"group": self.group(), "role": self.role()},
        "/roles/{role}/given-by/{group}": lambda self: {"group": self.group(), "role": self.role()},
        "/roles/{role}": lambda self: {"role": self.role()},
        "/resources/{resource}/assignments/{kind}/{subject}": assignment,
        "/resources/{resource}": lambda self: {"resource": self.resource()},
        "/licences/{key}": lambda self: {"key": "seat"},
        "/guest-links/{link}": lambda self: {"link": self.post("/guest-links", {"name": self.name("link")})["id"]},
        "/guests/{guest}": lambda self: {"guest": self.guest()},
        "/views/{view}": lambda self: {"view": self.view()},
        "/bulk/{job}": lambda self: {"job": self.job()},
        "/imports/{import}": lambda self: {"import": self.import_()},
        "/invitations/{id}": lambda self: {"id": self.invitation()},
        "/tokens/{id}": lambda self: {"id": self.token_()},
        "/permissions/{key}": lambda self: {"key": "meeting.plan"},
        "/templates/{name}/{language}": lambda self: {"name": "invitation", "language": "nl"},
        "/templates/{name}": lambda self: {"name": "invitation"},
        "/connections/{name}": lambda self: {"name": "scim"},
        "/profiles/{name}": lambda self: {"name": "default"},
    }

    # Members of bodies that name objects.
    MEMBERS = {
        "users": lambda self: [self.user()],
        "groups": lambda self: [self.group()],
        "roles": lambda self: [self.role()],
        "licences": lambda self: ["seat"],
        "resources": lambda self: [self.resource()],
        "group": group,
        "to": group,
        "parent": group,
        "home_group": group,
        "linked_groups": lambda self: [self.group()],
        "includes": lambda self: [self.role()],
        "user": user,
        "owner": user,
        "role": role,
        "licence": lambda self: "seat",
        "requires_licence": lambda self: "seat",
        "resource": resource,
        "cost_centre": lambda self: "main",
        "type": lambda self: "number",
    }
