"""The Price List API's GetProducts, as strict as AWS about its filters, with some regions' prices."""

import hashlib
import json

from cloud.refusals import Answer, Refused

# Where the API has an endpoint (AWS Billing user guide, "Price List Query API endpoints").
_ENDPOINTS = ("us-east-1", "eu-central-1", "ap-south-1")
# AWS gives fewer than were asked for whenever it likes.
_PAGE = 2
_HOURLY = {
    ("us-east-1", "t3.micro"): "0.0104000000",
    ("us-east-1", "t3.small"): "0.0208000000",
    ("ap-southeast-1", "t3.micro"): "0.0132000000",
    ("eu-west-1", "t3.micro"): "0.0114000000",
    ("sa-east-1", "t3.micro"): "0.0168000000",
}
_GB_MONTHS = {
    "us-east-1": "0.0800000000",
    "ap-southeast-1": "0.0960000000",
    "eu-west-1": "0.0880000000",
    "sa-east-1": "0.1520000000",
}
_PREFIXES = {"us-east-1": "USE1", "ap-southeast-1": "APS1", "eu-west-1": "EU", "sa-east-1": "SAE1"}


def products(call, request):
    """GetProducts: a page of the list, each product a JSON text of its own, as AWS answers."""
    if call.region not in _ENDPOINTS:
        raise Refused("UnrecognizedClientException", f"The Price List API has no endpoint in {call.region}.")
    asked = json.loads(request.body or b"{}")
    if "ServiceCode" not in asked:
        raise Refused("InvalidParameterException", "ServiceCode is required.")
    service, wanted = asked["ServiceCode"], _filters(asked.get("Filters", []))
    known = [product for product in _all() if product["serviceCode"] == service]
    if not known:
        raise Refused("NotFoundException", f"The service code {service} does not exist.")
    fields = {field for product in known for field in _attributes(product)}
    for field in wanted:
        if field not in fields:
            raise Refused("InvalidParameterException", f"Invalid filter field {field}.")
    found = [product for product in known if wanted.items() <= _attributes(product).items()]
    return Answer(200, {"Content-Type": "application/x-amz-json-1.1"}, json.dumps(_page(found, asked)))


def _filters(filters):
    if any(one.get("Type") != "TERM_MATCH" for one in filters):
        raise Refused("InvalidParameterException", "The lab knows filters of the type TERM_MATCH only.")
    return {one["Field"]: one["Value"] for one in filters}


def _page(found, asked):
    most, start = int(asked.get("MaxResults", 100)), int(asked.get("NextToken", 0))
    if not 1 <= most <= 100:
        raise Refused("InvalidParameterException", "MaxResults must be between 1 and 100.")
    end = start + min(most, _PAGE)
    page = {"FormatVersion": "aws_v1", "PriceList": [json.dumps(product) for product in found[start:end]]}
    return page | ({"NextToken": str(end)} if end < len(found) else {})


def _attributes(product):
    return product["product"]["attributes"] | {"productFamily": product["product"].get("productFamily", "")}


def _all():
    for (region, kind), price in _HOURLY.items():
        for tenancy, system, capacity, dollars in (
            ("Shared", "Linux", "Used", price),
            ("Shared", "Windows", "Used", "0.0196000000"),
            ("Dedicated", "Linux", "Used", "0.0110000000"),
            # A reservation that nobody uses: free by the hour in the list, since its instance is billed instead.
            ("Shared", "Linux", "AllocatedCapacityReservation", "0.0000000000"),
        ):
            attributes = {
                "instanceType": kind,
                "operatingSystem": system,
                "tenancy": tenancy,
                "capacitystatus": capacity,
                "preInstalledSw": "NA",
            }
            yield _product("AmazonEC2", region, "Compute Instance", attributes, "Hrs", dollars)
    for region, price in _GB_MONTHS.items():
        yield _product("AmazonEC2", region, "Storage", {"volumeApiName": "gp3"}, "GB-Mo", price)
        yield _product("AmazonEC2", region, "Storage", {"volumeApiName": "gp2"}, "GB-Mo", "0.1000000000")
        for usage, dollars in (
            ("ContiguousBlock", "0.0080000000"),
            ("IdleAddress", "0.0050000000"),
            ("InUseAddress", "0.0050000000"),
        ):
            attributes = {"group": "VPCPublicIPv4Address", "usagetype": f"{_PREFIXES[region]}-PublicIPv4:{usage}"}
            yield _product("AmazonVPC", region, None, attributes, "Hrs", dollars)


def _product(service, region, family, attributes, unit, dollars):
    sku = hashlib.sha256(json.dumps([service, region, attributes]).encode()).hexdigest()[:16].upper()
    dimension = {"unit": unit, "beginRange": "0", "endRange": "Inf", "pricePerUnit": {"USD": dollars}, "appliesTo": []}
    product = {"sku": sku, "attributes": attributes | {"servicecode": service, "regionCode": region}}
    if family:
        product["productFamily"] = family
    term = {"sku": sku, "priceDimensions": {f"{sku}.JRTCKXETXF.6YS6EN2CT7": dimension}, "termAttributes": {}}
    return {
        "product": product,
        "serviceCode": service,
        "terms": {"OnDemand": {f"{sku}.JRTCKXETXF": term}},
        "publicationDate": "2026-11-01T00:00:00Z",
    }
