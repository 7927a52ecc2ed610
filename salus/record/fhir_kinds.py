"""Which FHIR R4 types there are, which of them speak of a patient, and which must name one and say a status.

Source: HL7 FHIR R4 (4.0.1): resource list; CompartmentDefinition/patient, with Device, GuidanceResponse and
Task, which may name a patient too; cardinalities 1..1 of subject, patient and status.
"""

from __future__ import annotations


def _types(names: str) -> frozenset[str]:
    return frozenset(names.split())


# Types that are about a patient, or may be.
OF_PATIENTS = _types(
    """Account AdverseEvent AllergyIntolerance Appointment AppointmentResponse AuditEvent Basic BodyStructure
    CarePlan CareTeam ChargeItem Claim ClaimResponse ClinicalImpression Communication CommunicationRequest
    Composition Condition Consent Coverage CoverageEligibilityRequest CoverageEligibilityResponse
    DetectedIssue Device DeviceRequest DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference
    Encounter EnrollmentRequest EpisodeOfCare ExplanationOfBenefit FamilyMemberHistory Flag Goal Group
    GuidanceResponse ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation Invoice List
    MeasureReport Media MedicationAdministration MedicationDispense MedicationRequest MedicationStatement
    MolecularSequence NutritionOrder Observation Patient Person Procedure Provenance QuestionnaireResponse
    RelatedPerson RequestGroup ResearchSubject RiskAssessment Schedule ServiceRequest Specimen SupplyDelivery
    SupplyRequest Task VisionPrescription"""
)

# Types that are about nobody in particular.
OF_NOBODY = _types(
    """ActivityDefinition Binary BiologicallyDerivedProduct CapabilityStatement CatalogEntry
    ChargeItemDefinition CodeSystem CompartmentDefinition ConceptMap Contract DeviceDefinition DeviceMetric
    EffectEvidenceSynthesis Endpoint EnrollmentResponse EventDefinition Evidence EvidenceVariable
    ExampleScenario GraphDefinition HealthcareService ImplementationGuide InsurancePlan Library Linkage
    Location Measure Medication MedicationKnowledge MedicinalProduct MedicinalProductAuthorization
    MedicinalProductContraindication MedicinalProductIndication MedicinalProductIngredient
    MedicinalProductInteraction MedicinalProductManufactured MedicinalProductPackaged
    MedicinalProductPharmaceutical MedicinalProductUndesirableEffect MessageDefinition MessageHeader
    NamingSystem ObservationDefinition OperationDefinition OperationOutcome Organization
    OrganizationAffiliation Parameters PaymentNotice PaymentReconciliation PlanDefinition Practitioner
    PractitionerRole Questionnaire ResearchDefinition ResearchElementDefinition ResearchStudy
    RiskEvidenceSynthesis SearchParameter Slot SpecimenDefinition StructureDefinition StructureMap
    Subscription Substance SubstanceNucleicAcid SubstancePolymer SubstanceProtein
    SubstanceReferenceInformation SubstanceSourceMaterial SubstanceSpecification TerminologyCapabilities
    TestReport TestScript ValueSet VerificationResult"""
)

# subject, patient or beneficiary is 1..1; and four that are evidence of nobody without it.
MUST_NAME_PATIENT = _types(
    """AllergyIntolerance BodyStructure CarePlan ChargeItem Claim ClaimResponse ClinicalImpression Condition
    Coverage CoverageEligibilityRequest DeviceRequest DeviceUseStatement EpisodeOfCare ExplanationOfBenefit
    FamilyMemberHistory Flag Goal ImagingStudy Immunization ImmunizationEvaluation ImmunizationRecommendation
    MedicationAdministration MedicationRequest MedicationStatement NutritionOrder Procedure RelatedPerson
    ResearchSubject RiskAssessment ServiceRequest VisionPrescription
    Observation DiagnosticReport Encounter MedicationDispense"""
)

# status (Goal: lifecycleStatus) is 1..1 and modifies the meaning of the rest.
MUST_SAY_STATUS = _types(
    """CarePlan ClinicalImpression Communication CommunicationRequest Composition Coverage DetectedIssue
    DeviceUseStatement DiagnosticReport DocumentManifest DocumentReference Encounter EpisodeOfCare
    FamilyMemberHistory Flag Goal ImagingStudy Immunization List MedicationAdministration MedicationDispense
    MedicationRequest MedicationStatement NutritionOrder Observation Procedure QuestionnaireResponse
    RiskAssessment ServiceRequest Task VisionPrescription"""
)

MEDICATED = frozenset(
    ("MedicationRequest", "MedicationAdministration", "MedicationDispense", "MedicationStatement")
)

# What speaks of others than the patient whom it names: of relatives, of those around, of many.
OF_OTHERS = frozenset(("FamilyMemberHistory", "RelatedPerson", "Person", "Group"))
